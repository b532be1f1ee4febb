"""How `dvc repro` treats one stage: by bytes, in the order in which DVC looks. Reads the disk only through `World`.

DVC trusts a lock that fits what lies there now (dvc/stage/__init__.py `reproduce`), restores from its cache what the lock
names, looks into the run cache if no lock fits (dvc/stage/cache.py `restore`), and else runs the stage. `tests/test_plan_agrees.py`
holds this module against the installed DVC.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from dataenvgym_spec.graph.ir import Stage

STOPS: Final = "`dvc repro --pull` may stop here"
"""DVC fails at some results that it cannot fetch, or that are not what lies in the workspace, instead of making them again."""
Action = Literal["run", "reuse", "restore", "pass", "maybe"]
Sure = Literal["yes", "maybe", "no"]


class Recorded(Protocol):
    """Hashes that DVC recorded, by path."""

    @property
    def cmd(self) -> str:
        """The command it ran."""

    @property
    def deps(self) -> dict[str, str]:
        """What it read."""

    @property
    def outs(self) -> dict[str, str]:
        """What it wrote."""


class World(Protocol):
    """The disk, as far as a plan asks about it. Paths are relative to the repository."""

    @property
    def pulls(self) -> bool:
        """Whether what DVC's remote holds counts."""

    def lock(self, folder: str, stage: str) -> Recorded | None:
        """What the lock of a stage says."""

    def hash_of(self, path: str) -> str | None:
        """The hash of what lies at a path."""

    def expect(self, digests: Iterable[str]) -> None:
        """Told before others: these results will be asked about."""

    def cached(self, digest: str) -> bool:
        """Whether DVC's cache holds a result."""

    def objects(self, digest: str) -> frozenset[str]:
        """The objects that make up a result, itself among them, as far as they are known."""

    def missing(self, digest: str) -> frozenset[str]:
        """Those of them that neither the cache nor a remote to pull from holds; the result itself if it cannot be listed."""

    def run_cache(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Recorded | None:
        """What the run cache holds for a command with these dependencies and outputs: the newest entry."""

    def runs(self, dependency: str) -> Sequence[Recorded]:
        """All runs that read a file of this hash, the newest last."""

    def content(self, digest: str, name: str) -> Any:
        """What a JSON file of a cached result says; None if it is not to be had."""

    def made_here(self, log: str) -> bool:
        """Whether a log tells of this machine's interpreter, platform and versions."""

    def adoptable(self, stage: Stage) -> bool:
        """Whether a finished result lies in scratch."""

    def earlier(self, stage: Stage, experiment: str) -> dict[str, Any] | None:
        """The `stage.json` that stood at this place in the experiment before, and was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """What is known, before anything executes, of what a stage will find at a path.

    Attributes:
        state: `exact`: the bytes of this digest. `again`: what a reader's record says, for nothing above it can come out
            otherwise. `fresh`: like nothing recorded. `open`: not to be known before it is made.
        digest: what was recorded last.
    """

    state: Literal["exact", "again", "fresh", "open"]
    digest: str | None = None


FRESH: Final = Bytes(state="fresh")
AGAIN: Final = Bytes(state="again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A stage as DVC sees it: its lock lies in `folder`, its paths are relative to `wdir`, only it reads the file hashed as `mark`."""

    folder: str
    wdir: str
    name: str
    cmd: str
    deps: Mapping[str, Bytes]
    outs: list[str]
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What DVC does.

    Attributes:
        action: never `pass`, which DVC does not know.
        cause: why; empty if nothing recorded fits.
        outs: the hashes that lock or run cache record.
        sure: whether they were recorded for exactly what will be read.
    """

    action: Action
    cause: str = ""
    outs: Mapping[str, str]
    sure: bool = True


Returns = Callable[[frozenset[str]], Sure]
"""Whether missing objects will be back in the cache by the time of a stage, because another one makes the same."""


def decide(world: World, work: Work, returns: Returns) -> Decision:
    """What DVC does to a stage: it trusts a lock that fits, and looks into the run cache if there is none."""
    lock = world.lock(work.folder, work.name)
    fits = fit(lock, work) if lock else "no"
    if lock is None or fits == "no":
        found = _from_runs(world, work, returns)
        other = lock is not None and lock.cmd != work.cmd and found.action == "run"
        return (
            Decision(action="run", cause="its command changed", outs=found.outs, sure=found.sure)
            if other
            else found
        )
    locked = _from_lock(world, work, lock, returns)
    if fits == "yes":
        return locked
    if locked.action == "run" and _from_runs(world, work, returns).action == "run":
        return Decision(action="run", cause=locked.cause, outs=lock.outs, sure=False)
    return Decision(action="maybe", outs=lock.outs, sure=False)


def _from_lock(world: World, work: Work, lock: Recorded, returns: Returns) -> Decision:
    outs = {path: lock.outs[path] for path in work.outs}
    gone = {path: missing for path, digest in outs.items() if (missing := world.missing(digest))}
    held = returns(frozenset().union(*gone.values()))
    if held != "yes":
        return Decision(
            action="run" if held == "no" else "maybe",
            cause=_lost(world, work, next(iter(gone)), outs, held),
            outs=outs,
        )
    if not gone and not all(map(world.cached, outs.values())):
        places = {
            path: os.path.join(work.wdir, path)
            for path, digest in outs.items()
            if not world.cached(digest)
        }
        other = next(
            (
                place
                for path, place in places.items()
                if world.hash_of(place) not in (None, outs[path])
            ),
            None,
        )
        blocked = (
            f"; {STOPS} over what lies in the workspace, so first: rm -r {other}" if other else ""
        )
        return Decision(action="restore", cause=f"its result is in the remote{blocked}", outs=outs)
    here = all(
        world.hash_of(os.path.join(work.wdir, path)) == digest for path, digest in outs.items()
    )
    return Decision(
        action="reuse" if here else "restore",
        cause="its result is in the workspace" if here else "its result is in DVC's cache",
        outs=outs,
    )


def _lost(world: World, work: Work, path: str, outs: Mapping[str, str], held: Sure) -> str:
    """The cause of a stage whose result is lost. DVC calls a result changed that lies in the workspace but not in its cache."""
    lost = f"its result '{path}' is not in DVC's cache{' or remote' if world.pulls else ''}"
    if held == "maybe":
        return f"{lost}, unless another stage makes the same first"
    return (
        f"{lost}; {STOPS}, so first: rm {os.path.join(work.folder, 'dvc.lock')}"
        if world.pulls
        else lost
    )


def _from_runs(world: World, work: Work, returns: Returns) -> Decision:
    states = {content.state for content in work.deps.values()}
    if "fresh" in states:
        return Decision(action="run", outs={}, sure=False)
    fitting: Sequence[Recorded]
    if states == {"exact"}:
        run = world.run_cache(
            work.cmd, {path: content.digest or "" for path, content in work.deps.items()}, work.outs
        )
        fitting = [run] if run is not None else []
    else:
        fitting = [
            run
            for run in world.runs(work.mark)
            if run.deps.keys() == work.deps.keys() and fit(run, work) != "no"
        ]
    if not fitting:
        return Decision(action="run", outs={}, sure=False)
    newest = fitting[-1]
    if "open" in states:
        possible = any(_held(world, run, returns) != "no" for run in fitting)
        return Decision(action="maybe" if possible else "run", outs=newest.outs, sure=False)
    held = _held(world, newest, returns)
    if held != "yes":
        return Decision(
            action="run" if held == "no" else "maybe",
            cause="its result is not in DVC's cache",
            outs=newest.outs,
        )
    where = "the run cache" if all(map(world.cached, newest.outs.values())) else "the remote"
    return Decision(
        action="restore", cause=f"{where} holds a result of the same work", outs=newest.outs
    )


def _held(world: World, run: Recorded, returns: Returns) -> Sure:
    world.expect(run.outs.values())
    return returns(frozenset().union(*map(world.missing, run.outs.values())))


def fit(record: Recorded, work: Work) -> Sure:
    """Whether what will be read is what a record says was read."""
    if (
        record.cmd != work.cmd
        or not {*work.outs} <= record.outs.keys()
        or not work.deps.keys() <= record.deps.keys()
    ):
        return "no"
    fits: Sure = "yes"
    for path, content in work.deps.items():
        if content.state == "fresh" or (
            content.state == "exact" and content.digest != record.deps[path]
        ):
            return "no"
        if content.state == "open":
            fits = "maybe"
    return fits
