"""Brings results that other machines made into the clone that drives the run.

A `dvc.lock` is written once the cache holds all that it names and, where hosts share the clone, if
`published` has it. Killed at any moment, a run that is started again finds either what was before
or the result.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.parcels.published import parsed, placing, require_cached, require_own
from dataenvgym_spec.schedule.protocol import Shard
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.dvc.apart import apart
from dataenvgym_spec.store.dvc.quietly import dvc
from dataenvgym_spec.store.layout import Layout

PARTS: Final = ("out", "log")
"""What a stage has made, in its directory."""
_RUN: Final = re.compile("runs/[0-9a-f]{2}/[0-9a-f]{64}/[0-9a-f]{64}")


def adopt(layout: Layout, outcomes: Mapping[str, Outcome], *, shared: bool) -> None:
    """Brings the results of stages into the clone, so that DVC takes them for done here.

    Args:
        layout: the repository.
        outcomes: of stages that are done, by their directories.
        shared: whether they are in the cache of this clone already.

    Raises:
        StageError: a result was made of something else than what is here, or cannot be fetched.
    """
    publish(layout, outcomes, shared=shared)
    put_in_place(layout, outcomes)


def publish(layout: Layout, outcomes: Mapping[str, Outcome], *, shared: bool) -> None:
    """Writes the locks of stages, once the cache holds what they name.

    Args:
        layout: the repository.
        outcomes: of stages that are done, by their directories.
        shared: whether their results are in the cache already.

    Raises:
        LeaseLost: another host has published a result of one of them, or is making it.
        StageError: a result was made of something else than what is here, or cannot be fetched.
    """
    for directory, outcome in outcomes.items():
        require_own(layout, directory, parsed(layout, directory, outcome.lock))
    if not shared:
        locks = {directory: outcome.lock for directory, outcome in outcomes.items()}
        with _beside(layout, locks) as folder:
            said = dvc(folder, "fetch", "--quiet", *map(address, locks))
        if said is not None:
            message = f"what other machines pushed cannot be fetched: {said}"
            raise StageError(message, help="check the remote (dvc remote list), and run again")
    for directory, outcome in outcomes.items():
        require_cached(layout, directory, outcome.lock, outcome.place)
    cache = cache_folder(layout.root)
    for directory, outcome in outcomes.items():
        with placing(layout, directory, outcome) as right:
            for name, text in outcome.runs.items():
                if _RUN.fullmatch(name) and right.lock == outcome.lock:
                    right.require()
                    atomic.write(cache / name, text)
            right.require()
            atomic.write(layout.stage(directory) / "dvc.lock", right.lock)
            _keep_failure(layout, directory, "")
            shutil.rmtree(layout.shards(directory), ignore_errors=True)


def put_in_place(layout: Layout, directories: Iterable[str]) -> None:
    """Brings results from the cache to their places, as the locks of their stages say.

    A stage whose lock is another one meanwhile is left to whoever has written that.

    Raises:
        StageError: DVC cannot.
    """
    locks = _locks(layout, directories)
    with _beside(layout, locks) as folder:
        said = dvc(folder, "checkout", "--quiet", "--force", *map(address, locks))
        if said is not None:
            message = f"what other machines made cannot be put into its place: {said}"
            raise StageError(message, help="run: dvc checkout")
        for directory, lock in locks.items():
            for name in PARTS:
                if not atomic.holds(layout.stage(directory) / "dvc.lock", lock):
                    break
                place = layout.stage(directory) / name
                shutil.rmtree(place, ignore_errors=True)
                (folder / "store" / directory / name).rename(place)


def keep_answers(layout: Layout, directory: str, shard: Shard, answers: bytes) -> None:
    """Keeps what came of a shard, where its stage looks for it.

    Args:
        layout: the repository.
        directory: the stage's.
        shard: which it is.
        answers: its file; empty where there was nothing to do.
    """
    if answers:
        atomic.write_bytes(layout.shard(directory, shard.name), answers)


def refuse(layout: Layout, directory: str, outcome: Outcome) -> None:
    """Keeps why a stage failed elsewhere, where it would be if it had failed here."""
    _keep_failure(layout, directory, outcome.failure)


def send(layout: Layout, directories: Iterable[str]) -> None:
    """Pushes results of this clone to DVC's remote, for machines that have a disk of their own.

    Args:
        layout: the repository.
        directories: of the stages that made them.

    Raises:
        StageError: that failed.
    """
    locks = _locks(layout, directories)
    with _beside(layout, locks) as folder:
        said = dvc(folder, "push", "--quiet", *map(address, locks))
    if said is not None:
        message = f"what other machines need cannot be pushed: {said}"
        raise StageError(message, help="check the remote (dvc remote list) and its credentials")


def _locks(layout: Layout, directories: Iterable[str]) -> dict[str, str]:
    """The texts of the locks of stages."""
    locks = {}
    for directory in sorted(directories):
        path = layout.stage(directory) / "dvc.lock"
        locks[directory] = path.read_text(encoding="utf-8")
    return locks


@contextmanager
def _beside(layout: Layout, locks: Mapping[str, str]) -> Iterator[Path]:
    """A repository of DVC with some stages alone, and the cache of the clone.

    In the clone itself DVC would read the files of all stages for this, and hold its lock.
    """
    with apart(layout, links=None) as folder:
        for directory, lock in locks.items():
            place = folder / "store" / directory
            place.mkdir(parents=True)
            shutil.copy2(layout.stage(directory) / "dvc.yaml", place)
            (place / "dvc.lock").write_text(lock, encoding="utf-8")
        yield folder


def _keep_failure(layout: Layout, directory: str, text: str) -> None:
    path = layout.scratch(directory) / "failure.txt"
    if text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    else:
        path.unlink(missing_ok=True)
