"""What the machine that drives a run does for stages elsewhere, beside its other work.

Parcels are packed and results brought home in threads: DVC takes a second for either. Results that
come while others are brought home are brought home together after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError, refused
from dataenvgym_spec.schedule.parcels.adopt import adopt, keep_answers, refuse, send
from dataenvgym_spec.schedule.parcels.pack import Packer
from dataenvgym_spec.schedule.parcels.parcel import Outcome, Parcel
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.store.layout import Layout

PACKERS: Final = 2


class Desk:
    """Packs parcels and brings results home.

    Args of the constructor:
        layout: the repository.
        packer: packs its stages.
    """

    def __init__(self, layout: Layout, packer: Packer) -> None:
        self.layout, self.packer = layout, packer
        self._packing: dict[str, Future[Parcel]] = {}
        self._came: dict[str, Outcome] = {}
        self._adopting: dict[str, Outcome] = {}
        self._adoption: Future[dict[str, str]] | None = None
        self._sent: set[str] = set()
        """The stages whose results are on DVC's remote, as far as this run knows."""
        self._packers = ThreadPoolExecutor(PACKERS)
        self._adopter = ThreadPoolExecutor(1)

    def pack(
        self, name: str, directory: str, experiment: str | None, shard: Shard | None = None
    ) -> None:
        """Begins to pack a stage, or a shard of it.

        Args:
            name: by which `packed` tells of it.
            directory: the stage's.
            experiment: the one that it is run for.
            shard: the part that is to be done; None for all of it.
        """
        self._packing[name] = self._packers.submit(self._packed, directory, experiment, shard)

    def _packed(self, directory: str, experiment: str | None, shard: Shard | None) -> Parcel:
        parcel = self.packer.pack(directory, experiment, shard)
        if not parcel.home.shared:
            # A result is named by its path in the repository: `store/<stage>/out/<port>`.
            wanted = {read.split("/")[1] for read in parcel.reads} - self._sent
            if wanted:
                send(self.layout, wanted)
            self._sent |= wanted
        return parcel

    def packed(self) -> Iterator[tuple[str, Parcel | UserError]]:
        """What was packed since the last call, by its name, or why it was not."""
        for name in [name for name, one in self._packing.items() if one.done()]:
            future = self._packing.pop(name)
            try:
                yield name, future.result()
            except UserError as error:
                yield name, error
            except OSError as error:
                yield name, refused(error)

    def bring(self, directory: str, outcome: Outcome) -> None:
        """Begins to bring home what came of a stage that is done."""
        self._came[directory] = outcome

    def keep(self, directory: str, shard: Shard, answers: bytes) -> None:
        """Keeps what came of a shard, where its stage looks for it."""
        with suppress(OSError):  # the stage itself asks for what it does not find
            keep_answers(self.layout, directory, shard, answers)

    def refuse(self, directory: str, outcome: Outcome) -> None:
        """Keeps why a stage failed."""
        with suppress(OSError):  # it was said already
            refuse(self.layout, directory, outcome)

    def brought(self) -> Iterator[tuple[str, Outcome, str]]:
        """The stages that are home since the last call, or what went wrong; in words."""
        if self._adoption is not None and self._adoption.done():
            failures = self._adoption.result()
            self._adoption = None
            for directory, outcome in self._adopting.items():
                yield directory, outcome, failures.get(directory, "")
            self._adopting = {}
        if self._adoption is None and self._came:
            self._adopting, self._came = self._came, {}
            self._adoption = self._adopter.submit(self._adopt, self._adopting)

    def _adopt(self, outcomes: dict[str, Outcome]) -> dict[str, str]:
        """Brings some home; returns what went wrong, by stage."""
        shared = self.packer.home.shared
        try:
            adopt(self.layout, outcomes, shared=shared)
        except (UserError, OSError) as error:
            if len(outcomes) > 1:  # one holds up none of the others
                failures: dict[str, str] = {}
                for directory, outcome in outcomes.items():
                    failures |= self._adopt({directory: outcome})
                return failures
            said = error.message if isinstance(error, UserError) else str(error)
            return dict.fromkeys(outcomes, said)
        self._sent.update(outcomes)
        return {}

    @property
    def busy(self) -> bool:
        """Whether anything is packed or brought home."""
        return bool(self._packing or self._came or self._adopting)

    def wait(self, timeout: float) -> None:
        """Waits until something is packed or home, or for some seconds."""
        futures: list[Future[Any]] = list(self._packing.values())
        if self._adoption is not None:
            futures.append(self._adoption)
        if futures and not self._came:
            wait(futures, timeout=timeout, return_when="FIRST_COMPLETED")

    def close(self) -> None:
        """Waits for what is at work, and begins nothing else."""
        for pool in (self._packers, self._adopter):
            pool.shutdown(cancel_futures=True)
