"""Shards where clones share leases: one of them makes each, and the others get its answers.

A stage of several clones is made by one of them, which takes its lease. Its shards come before it,
so each has a lease, too: a shard that another clone makes is waited for, and not made again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute.run import waits
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.setup.hardware.leases import inputs_digest, leases_of
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.holding import Leases
from dataenvgym_spec.store.leases.lease import Lease
from dataenvgym_spec.store.leases.log import Log
from dataenvgym_spec.store.scratch import Scratch

FOLDER: Final = "answers"
"""What answers lie in on their way through the remote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The right to make a shard, which no other clone has meanwhile.

    Attributes:
        layout: the repository.
        leases: those that clones share.
        lease: on the shard.
        shards: those of the stage.
        directory: of the stage.
        part: the shard.
    """

    layout: Layout
    leases: Leases
    lease: Lease
    shards: Shards
    directory: str
    part: Part

    def is_over(self) -> str | None:
        """Who has published the whole stage, made from the same inputs, if anybody has."""
        event = Log(self.leases.register, self.directory).published()
        if event is None or event.result is None or not self._fits(event.result):
            return None
        return event.holder

    def bring(self) -> str | None:
        """Brings the answers that another clone has published; returns who made them, if any."""
        event = self.lease.log.published()
        if event is None or event.result is None or not self._fits(event.result):
            return None
        # What does not fit is not used: the shard is made, which nothing may keep from it.
        with contextlib.suppress(OSError, UserError), self._space() as space:
            self._fetch(space, str(event.result.get("lock", "")))
        return event.holder if self.shards.has(self.part) else None

    def _fetch(self, space: Scratch, lock: str) -> None:
        from dataenvgym_spec.store.leases.exchange import fetched

        if fetched(self.layout, space, self.lease.name, lock):
            path = self.shards.path(self.part)
            (space.out / FOLDER / path.name).replace(path)

    def publish(self) -> None:
        """Has other clones find the answers.

        Raises:
            LeaseLost: another clone has taken the shard over.
            UserError: they cannot be pushed.
        """
        from dataenvgym_spec.store.leases.exchange import pushed

        with self._space() as space:
            (space.out / FOLDER).mkdir(parents=True)
            (space.path / "log").mkdir()
            shutil.copy2(self.shards.path(self.part), space.out / FOLDER)
            lock = pushed(self.layout, space, self.lease.name)
        self.lease.publish({"inputs": inputs_digest(self.shards.inputs), "lock": lock})

    def _fits(self, result: object) -> bool:
        made_from = result.get("inputs") if isinstance(result, dict) else None
        return made_from == inputs_digest(self.shards.inputs)

    @contextlib.contextmanager
    def _space(self) -> Iterator[Scratch]:
        with TemporaryDirectory(dir=self.shards.folder, prefix=f"{self.part.name}.") as name:
            yield Scratch(path=Path(name), target=Path(name))


@contextlib.contextmanager
def turn(layout: Layout, directory: str, shards: Shards, part: Part) -> Iterator[Turn | None]:
    """Waits until no other clone makes a shard; yields None where clones share no leases.

    Args:
        layout: the repository.
        directory: of the stage.
        shards: those of the stage.
        part: the shard.

    Raises:
        LeaseLost: another clone took this one for dead, and the shard over.
        UserError: the hardware profile is none.
    """
    leases = leases_of(layout, os.environ)
    if leases is None or not leases.between:
        yield None
        return
    with leases.hold(f"{directory}.{part.name}", waiting=waits) as lease:
        if lease is None:  # only where nobody waits
            raise AssertionError(directory)
        yield Turn(
            layout=layout, leases=leases, lease=lease, shards=shards, directory=directory, part=part
        )
