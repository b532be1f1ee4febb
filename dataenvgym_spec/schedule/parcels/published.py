"""Which result of a stage is the one that is published, where several hosts can have made one.

Where hosts share a clone, a lock of DVC is written under the stage's lease, after the log of that
lease has got it: of several, the log takes one. A host that was taken for dead and wakes finds the
log gone on. One that sleeps between the log and the file leaves what all others write, too: who
takes the lease after it finds the result in the log and makes none. Hosts that do not share a clone
come by no such file; see `store.leases.exchange`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.setup.hardware.leases import clone_leases
from dataenvgym_spec.store.dvc.state import Cache, StageLock, lock_in, read_lock
from dataenvgym_spec.store.layout import Layout, kind_of
from dataenvgym_spec.store.leases.lease import AGAIN, Lease, LeaseLost

LOCK: Final = "dvc.lock"
"""What a log holds of a result that was made elsewhere: the text of this file."""


def tail(layout: Layout, directory: str, environ: Mapping[str, str]) -> int:
    """The last number of the log of a stage's lease, before anything is made; 0 without leases."""
    leases = clone_leases(layout, environ)
    return 0 if leases is None else leases.tail(directory)


def publish(lease: Lease, lock: str) -> None:
    """Makes a result the one of its stage.

    Raises:
        LeaseLost: somebody else holds the lease.
    """
    lease.publish({LOCK: lock})


def standing(layout: Layout, lease: Lease) -> str | None:
    """The lock of a stage that was published and may not be in its place; None if there is none.

    It has to be made of what is here now, and its bytes have to be in the cache.

    Args:
        layout: the clone.
        lease: on the stage.
    """
    event = lease.log.published()
    result = None if event is None else event.result
    text = None if result is None else result.get(LOCK)
    if not isinstance(text, str):
        return None
    try:
        require_own(layout, lease.name, parsed(layout, lease.name, text))
        require_cached(layout, lease.name, text)
    except UserError:
        return None
    return text


@dataclass(frozen=True, slots=True)
class Placing:
    """The right to put the result of a stage into its place.

    Attributes:
        lock: the text of its lock.
        require: checks that the right is still there, for the moment before.
    """

    lock: str
    require: Callable[[], None] = lambda: None


@contextmanager
def placing(layout: Layout, directory: str, outcome: Outcome) -> Iterator[Placing]:
    """Publishes the result of a stage, and has the right to put it into its place.

    Where somebody had published a result before this one was begun, and did not come to put it into
    its place, that is the one.

    Raises:
        LeaseLost: another host is making the stage, or has published another result of it.
    """
    leases = clone_leases(layout, os.environ)
    if leases is None:
        yield Placing(outcome.lock)
        return
    # It runs beside other works, which go on if this one is refused.
    with leases.hold(directory, interrupt=False) as lease:
        if lease is None:
            last = leases.last(directory)
            holder = "another host" if last is None else last.holder
            raise LeaseLost(f"'{directory}' was taken over by {holder}", help=AGAIN)
        lock = standing(layout, lease)
        if lock is None or lease.log.published_since(outcome.since):
            lock = outcome.lock
        lease.publish({LOCK: lock}, since=outcome.since)
        yield Placing(lock, lease.require)


def parsed(layout: Layout, directory: str, text: str) -> StageLock:
    """The lock in a text.

    Raises:
        StageError: it is none of this stage.
    """
    path = layout.stage(directory) / "dvc.lock"
    lock = lock_in(text, kind_of(directory), path)
    if lock is None:
        raise StageError(f"another machine sent a lock that is none of '{directory}'")
    return lock


def require_own(layout: Layout, directory: str, lock: StageLock) -> None:
    """Checks that a result was made of what is here now.

    Raises:
        StageError: it was not.
    """
    hashes: dict[str, str] = {}
    for other in {Path(path).parts[1] for path in lock.deps if path.startswith("../")}:
        if other == "..":  # a file of the user's, which the machine has verified by its digest
            continue
        done = read_lock(layout.stage(other) / "dvc.lock", kind_of(other))
        outs = {} if done is None else done.outs
        hashes |= {f"../{other}/{path}": digest for path, digest in outs.items()}
    for path, digest in lock.deps.items():
        if hashes.get(path, digest) != digest:
            message = f"'{path.removeprefix('../')}' changed while '{directory}' was made of it"
            raise StageError(message, help="run again")


def require_cached(layout: Layout, directory: str, text: str, place: str = "") -> None:
    """Checks that the cache holds what a lock names.

    Args:
        layout: the clone.
        directory: the stage's.
        text: of the lock.
        place: the machine that made it.

    Raises:
        StageError: it does not.
    """
    cache = Cache(folder=cache_folder(layout.root))
    outs = sorted(parsed(layout, directory, text).outs.values())
    if not all(map(cache.holds, outs)):
        message = f"the cache does not hold what '{place}' made of '{directory}'"
        raise StageError(message, help="run again; if it stays so: docs/clusters.md")
