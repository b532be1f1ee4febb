"""Which lock a clone uses: one of this host's kernel, or a lease that other hosts see."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import SpecError, UserError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.core.variables import unfolded
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.setup.hardware.profile import LeaseRegister
from dataenvgym_spec.setup.hardware.reading import read_profile
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.holding import Leases, clone_of
from dataenvgym_spec.store.leases.identity import process_id
from dataenvgym_spec.store.leases.lease import Lease
from dataenvgym_spec.store.leases.register import FolderRegister, Register
from dataenvgym_spec.store.locks import held, holder
from dataenvgym_spec.store.place import shared_disk
from dataenvgym_spec.store.scratch import DONE, Scratch, clean, scratch

HOST: Final = "host"
OBJECTS: Final = "s3://"

Waiting = Callable[[str], None]
"""Hears who holds what is waited for."""


def told_file(layout: Layout) -> Path:
    """Says where leases are in a repository that stands for one stage of a clone."""
    return layout.private / "leases.json"


def told(layout: Layout, environ: Mapping[str, str]) -> LeaseRegister | None:
    """What such a repository is told, in place of a profile; None of a clone without leases.

    The stage is the one of its clone that the lease there, or the process that drives the run, has
    given to it. What it has to see to itself are other clones.

    Args:
        layout: the clone.
        environ: the environment.

    Raises:
        UserError: the profile says it wrongly.
    """
    said = register_of(layout, environ)
    if said.at in (None, HOST):
        return None
    place = str(said.at)
    if _inside(layout, place) is not None:
        return LeaseRegister(at=HOST, seconds=said.seconds)
    if not place.startswith(OBJECTS):
        place = str(_folder(layout, place))
    return LeaseRegister(at=place, seconds=said.seconds)


def register_of(layout: Layout, environ: Mapping[str, str]) -> LeaseRegister:
    """Where a clone's leases are, as its profile says it, or as fits its file system.

    Raises:
        UserError: the file is no profile.
    """
    with contextlib.suppress(FileNotFoundError):
        text = told_file(layout).read_text(encoding="utf-8")
        return LeaseRegister.parse(parse_json(text))
    try:
        said = read_profile(layout.root, environ).leases
    except SpecError as error:
        first = error.diagnostics[0]
        where = f"{first.span}: " if first.span else ""
        raise UserError(f"{where}{first.message}", help=first.help) from error
    if said.at is not None:
        return said
    at = str(layout.leases) if shared_disk(layout.root) else HOST
    return LeaseRegister(at=at, seconds=said.seconds)


def leases_of(layout: Layout, environ: Mapping[str, str]) -> Leases | None:
    """The leases on a clone's stages; None where locks of this host do.

    Raises:
        UserError: the profile says it wrongly, or names what cannot hold leases.
    """
    said = register_of(layout, environ)
    if said.at in (None, HOST):
        return None
    place = str(said.at)
    folder = _inside(layout, place)
    if folder is not None:
        register: Register = FolderRegister(folder)
    elif place.startswith(OBJECTS):
        register = _objects(layout, place)
    else:
        register = FolderRegister(_folder(layout, place))
    clone = clone_of(layout)
    between = folder is None
    return Leases(register=register, clone=clone, seconds=said.seconds, between=between)


def clone_leases(layout: Layout, environ: Mapping[str, str]) -> Leases | None:
    """The leases that hosts share which see this clone; None where it is one host's.

    Raises:
        UserError: the profile says it wrongly.
    """
    said = register_of(layout, environ)
    if said.at in (None, HOST):
        return None
    folder = _inside(layout, str(said.at))
    if folder is None and shared_disk(layout.root):
        folder = layout.leases
    if folder is None:
        return None
    register = FolderRegister(folder)
    return Leases(register=register, clone=clone_of(layout), seconds=said.seconds)


def _inside(layout: Layout, place: str) -> Path | None:
    """A folder for leases that is this clone's own; None if other clones may use it."""
    if place.startswith(OBJECTS):
        return None
    folder = _folder(layout, place).resolve()
    return folder if folder.is_relative_to(layout.private.resolve()) else None


def _folder(layout: Layout, place: str) -> Path:
    return layout.root / unfolded(place)


def _objects(layout: Layout, address: str) -> Register:
    """A register in object storage, which is tried out once by each clone.

    Raises:
        StageError: it cannot hold leases.
    """
    from dataenvgym_spec.store.leases.objects import ObjectRegister

    register = ObjectRegister(layout.root, address)
    tried = layout.leases / "tried.txt"
    if not atomic.holds(tried, address):
        register.require_exclusive()
        atomic.write(tried, address)
    return register


@dataclass(frozen=True, slots=True)
class CloneLock:
    """A lock of a clone, as its holder has it.

    Attributes:
        lease: whose number rises; None of a lock of this host's kernel, which its holder never
            loses.
    """

    lease: Lease | None = None


@contextlib.contextmanager
def clone_lock(
    layout: Layout, name: str, *, waiting: Waiting | None = None
) -> Iterator[CloneLock | None]:
    """Holds a lock that a clone has once, on whichever host; yields None if it was not got.

    Args:
        layout: the repository.
        name: what it is on, such as `run`.
        waiting: called with the holder before waiting; without it, a held lock is not waited for.

    Raises:
        LeaseLost: another host took this one for dead.
        UserError: the hardware profile is none.
    """
    leases = clone_leases(layout, os.environ)
    if leases is None:
        with held(layout.lock(name), waiting=waiting) as is_ours:
            yield CloneLock() if is_ours else None
        return
    with leases.hold(name, waiting=waiting) as lease:
        yield None if lease is None else CloneLock(lease)


def is_taken_over(layout: Layout, name: str) -> bool:
    """Whether another process has a lock of the clone now, as far as can be told.

    Args:
        layout: the repository.
        name: what the lock is on, which this process has had.
    """
    try:
        leases = clone_leases(layout, os.environ)
        event = None if leases is None else leases.last(name)
    except (OSError, UserError):
        return False
    if leases is None or event is None or not event.is_held:
        return False
    return event.process != process_id()


class Claim:
    """The right to make one stage, by a lock of this host.

    Attributes:
        space: where its result is made.
    """

    def __init__(self, space: Scratch) -> None:
        self.space = space

    def bring(self, _key: str, _inputs: Mapping[str, str]) -> str | None:
        """Brings a result from the remote into `space`; returns who made it, if anybody did."""
        return None

    def publish(self, _inputs: Mapping[str, str]) -> None:
        """Puts the complete result into the stage's directory."""
        self.space.publish()


class LeasedClaim(Claim):
    """The right to make one stage, by a lease."""

    def __init__(self, layout: Layout, lease: Lease, *, between: bool) -> None:
        # Imported here: most clones are one host's, and each of their stages comes by.
        from dataenvgym_spec.store.leases.space import leased_scratch

        super().__init__(leased_scratch(layout, lease))
        self.layout, self.lease, self.between = layout, lease, between

    def bring(self, key: str, inputs: Mapping[str, str]) -> str | None:
        """Brings the result that was published, if it was made from the same inputs.

        It may be this clone's own: what others have is not made otherwise once more.

        Raises:
            UserError: a config of DVC cannot be read.
        """
        event = self.lease.log.published() if self.between else None
        if event is None or event.result is None:
            return None
        result = event.result
        if result.get("inputs") != inputs_digest(inputs) or "lock" not in result:
            return None
        if self.space.finished(key) == inputs and self._files() == result["files"]:
            return None
        from dataenvgym_spec.store.leases.exchange import fetched

        there = fetched(self.layout, self.space, self.lease.name, result["lock"])
        if not there:
            return None
        self.space.complete(key, inputs)
        return event.holder

    def publish(self, inputs: Mapping[str, str]) -> None:
        """Publishes the complete result and puts it into the stage's directory.

        Raises:
            LeaseLost: another host has taken the stage over.
        """
        from dataenvgym_spec.store.leases.space import put_in_place

        result = {"inputs": inputs_digest(inputs), "files": self._files()}
        event = self.lease.log.published()
        if (
            event is not None
            and event.result is not None
            and result.items() <= event.result.items()
        ):
            self.lease.require()
        else:
            if self.between:
                from dataenvgym_spec.store.leases.exchange import pushed

                # Before it is published: whoever reads that it is finds it there.
                result["lock"] = pushed(self.layout, self.space, self.lease.name)
            self.lease.publish(result)
        put_in_place(self.space, self.lease)

    def _files(self) -> str:
        """What tells the complete result from others."""
        done = parse_json((self.space.path / DONE).read_text(encoding="utf-8"))
        return digest("files", done["files"])


def inputs_digest(inputs: Mapping[str, str]) -> str:
    """What tells the inputs of a result from others."""
    return digest("inputs", dict(inputs))


@contextlib.contextmanager
def claimed(layout: Layout, directory: str, *, waiting: Waiting) -> Iterator[Claim]:
    """Holds the right to make a stage, after waiting for whoever has it.

    Args:
        layout: the repository.
        directory: of the stage.
        waiting: called with the holder before waiting.

    Raises:
        LeaseLost: another host took this one for dead, and the stage over.
        UserError: the hardware profile is none.
    """
    leases = leases_of(layout, os.environ)
    with contextlib.ExitStack() as locks:
        if clone_leases(layout, os.environ) is None:
            clean(layout)
            locks.enter_context(held(layout.lock(directory), waiting=waiting))
        if leases is None:
            yield Claim(scratch(layout, directory))
            return
        from dataenvgym_spec.store.leases.space import clean_leased

        clean_leased(layout, leases)
        lease = locks.enter_context(leases.hold(directory, waiting=waiting))
        if lease is None:  # only where nobody waits
            raise AssertionError(directory)
        yield LeasedClaim(layout, lease, between=leases.between)


class AtWork:
    """Says who makes the stages of a clone.

    A host that died is named until another one takes its stage over: one look cannot tell.

    Args of the constructor:
        layout: the repository.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._leases: Leases | None = None
        # Whoever asks shows what there is; a profile with a mistake is the business of others.
        with contextlib.suppress(UserError):
            self._leases = clone_leases(layout, os.environ)

    def on(self, directory: str) -> str | None:
        """Who makes a stage; None if nobody does."""
        if self._leases is None:
            return holder(self._layout.lock(directory))
        event = self._leases.last(directory)
        return event.holder if event is not None and event.is_held else None
