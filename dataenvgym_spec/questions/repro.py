"""How `dvc repro` treats one stage: by bytes, in the order in which DVC looks.

Reads the disk only through `World`.

DVC trusts a lock that fits what is there now (dvc/stage/__init__.py `reproduce`), restores from its
cache what the lock names, looks into the run cache if no lock fits (dvc/stage/cache.py `restore`),
and else runs the stage. `tests/questions/test_plan_agrees.py` holds this module against the
installed DVC.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

from dataenvgym_spec.graph.ir import Stage, Use

UNCACHED: Final = "is not in DVC's cache"
STOPS: Final = "`dvc repro --pull` may stop here"
"""DVC fails at some results that it cannot fetch or that differ from the workspace."""
Treatment = Literal["run", "reuse", "restore", "pass", "maybe"]
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
        """The hash of the file or folder at a path."""

    def expect(self, digests: Iterable[str]) -> None:
        """Says, before anything else, which results will be asked about."""

    def cached(self, digest: str) -> bool:
        """Whether DVC's cache holds a result."""

    def objects(self, digest: str) -> frozenset[str]:
        """The objects that make up a result, itself among them, as far as they are known."""

    def missing(self, digest: str) -> frozenset[str]:
        """Those that neither the cache nor a remote to pull from holds.

        The result itself is one of them if it cannot be listed.
        """

    def run_cache(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Recorded | None:
        """The newest entry of the run cache for a command with these dependencies and outputs."""

    def runs(self, dependency: str) -> Sequence[Recorded]:
        """All runs that read a file of this hash, the newest last."""

    def content(self, digest: str, name: str) -> Any:
        """The content of a JSON file of a cached result; None if the cache does not hold it."""

    def made_here(self, log: str) -> bool:
        """Whether a log was written by this machine's interpreter, platform and versions."""

    def adoptable(self, stage: Stage) -> bool:
        """Whether scratch holds a finished result."""

    def earlier(self, stage: Stage, uses: Sequence[Use]) -> dict[str, Any] | None:
        """The `stage.json` that stood before where an experiment uses a stage, and was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """What is known, before anything executes, of what a stage will find at a path.

    Attributes:
        state: `exact`: the bytes of this digest. `again`: what a reader's record says, because
            nothing above it can come out otherwise. `fresh`: like nothing recorded. `open`: not
            known before it is made.
        digest: what was recorded last.
    """

    state: Literal["exact", "again", "fresh", "open"]
    digest: str | None = None


FRESH: Final = Bytes(state="fresh")
AGAIN: Final = Bytes(state="again")


@dataclass(frozen=True, slots=True, kw_only=True)
class DvcStage:
    """A stage as DVC sees it.

    Attributes:
        folder: where its lock is.
        wdir: what its paths are relative to.
        name: DVC's name for it.
        cmd: the command.
        deps: what it will read, by path.
        outs: the paths that it writes.
        mark: the hash of a file that only this stage reads.
    """

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

    action: Treatment
    cause: str = ""
    outs: Mapping[str, str]
    sure: bool = True


Returns = Callable[[frozenset[str]], Sure]
"""Whether missing objects will be in the cache by a stage's turn: another may make the same."""


def decide(world: World, work: DvcStage, returns: Returns) -> Decision:
    """What DVC does to a stage: it trusts a lock that fits, or else looks into the run cache."""
    lock = world.lock(work.folder, work.name)
    fits: Sure = fit(lock, work) if lock else "no"
    if lock is None or fits == "no":
        return _without_lock(world, work, lock, returns)
    locked = _from_lock(world, work, lock, returns)
    if fits == "yes":
        return locked
    # Something that it reads is not known yet: the lock may fit, or it may not.
    if locked.action == "run" and _from_runs(world, work, returns).action == "run":
        return Decision(action="run", cause=locked.cause, outs=lock.outs, sure=False)
    return Decision(action="maybe", outs=lock.outs, sure=False)


def _without_lock(
    world: World, work: DvcStage, lock: Recorded | None, returns: Returns
) -> Decision:
    """What DVC does where no lock fits."""
    decision = _from_runs(world, work, returns)
    if lock is not None and lock.cmd != work.cmd and decision.action == "run":
        return replace(decision, cause="its command changed")
    return decision


def _from_lock(world: World, work: DvcStage, lock: Recorded, returns: Returns) -> Decision:
    """What DVC does where a lock fits: keeps, fetches or makes again what the lock names."""
    outs = {path: lock.outs[path] for path in work.outs}
    missing = {path: world.missing(digest) for path, digest in outs.items()}
    gone = {path: objects for path, objects in missing.items() if objects}
    held = returns(frozenset().union(*gone.values()))
    if held != "yes":
        # A result that no other stage brings back is made again.
        cause = _lost(world, work, next(iter(gone)), held)
        return Decision(action=_unless_held(held), cause=cause, outs=outs)
    uncached = {path: digest for path, digest in outs.items() if not world.cached(digest)}
    if uncached and not gone:
        cause = f"its result is in the remote{_blocked(world, work, uncached)}"
        return Decision(action="restore", cause=cause, outs=outs)
    here = all(_at(world, work, path) == digest for path, digest in outs.items())
    if here:
        return Decision(action="reuse", cause="its result is in the workspace", outs=outs)
    return Decision(action="restore", cause="its result is in DVC's cache", outs=outs)


def _at(world: World, work: DvcStage, path: str) -> str | None:
    """The hash of what the workspace holds at a path of a stage."""
    return world.hash_of(os.path.join(work.wdir, path))


def _unless_held(held: Sure) -> Treatment:
    return "run" if held == "no" else "maybe"


def _blocked(world: World, work: DvcStage, uncached: Mapping[str, str]) -> str:
    """What to remove first, where the workspace differs from what DVC would fetch."""
    for path, digest in uncached.items():
        if _at(world, work, path) not in (None, digest):
            other = os.path.join(work.wdir, path)
            return f"; {STOPS} over what lies in the workspace, so first: rm -r {other}"
    return ""


def _lost(world: World, work: DvcStage, path: str, held: Sure) -> str:
    """The cause of a stage whose result is lost.

    DVC calls a result changed that is in the workspace but not in its cache.
    """
    remote = " or remote" if world.pulls else ""
    lost = f"its result '{path}' {UNCACHED}{remote}"
    if held == "maybe":
        return f"{lost}, unless another stage makes the same first"
    if world.pulls:
        return f"{lost}; {STOPS}, so first: rm {os.path.join(work.folder, 'dvc.lock')}"
    return lost


def _from_runs(world: World, work: DvcStage, returns: Returns) -> Decision:
    """What DVC does after looking into the run cache."""
    runs = _fitting(world, work)
    if not runs:
        return Decision(action="run", outs={}, sure=False)
    newest = runs[-1]
    if any(content.state == "open" for content in work.deps.values()):
        possible = any(_held(world, run, returns) != "no" for run in runs)
        action: Treatment = "maybe" if possible else "run"
        return Decision(action=action, outs=newest.outs, sure=False)
    held = _held(world, newest, returns)
    if held != "yes":
        cause = f"its result {UNCACHED}"
        return Decision(action=_unless_held(held), cause=cause, outs=newest.outs)
    where = "the run cache" if all(map(world.cached, newest.outs.values())) else "the remote"
    cause = f"{where} holds a result of the same work"
    return Decision(action="restore", cause=cause, outs=newest.outs)


def _fitting(world: World, work: DvcStage) -> Sequence[Recorded]:
    """The runs in the cache that read what this one will read, or may, the newest last."""
    states = {content.state for content in work.deps.values()}
    if "fresh" in states:
        return ()
    if states == {"exact"}:
        deps = {path: content.digest or "" for path, content in work.deps.items()}
        run = world.run_cache(work.cmd, deps, work.outs)
        return () if run is None else (run,)
    runs = []
    for run in world.runs(work.mark):
        if run.deps.keys() == work.deps.keys() and fit(run, work) != "no":
            runs.append(run)
    return runs


def _held(world: World, run: Recorded, returns: Returns) -> Sure:
    """Whether the results of a run can be had from the cache."""
    world.expect(run.outs.values())  # one question to a remote, not one a result
    return returns(frozenset().union(*map(world.missing, run.outs.values())))


def fit(record: Recorded, work: DvcStage) -> Sure:
    """Whether what will be read is what a record says was read."""
    if record.cmd != work.cmd:
        return "no"
    if not set(work.outs) <= record.outs.keys():
        return "no"
    if not work.deps.keys() <= record.deps.keys():
        return "no"
    fits: Sure = "yes"
    for path, content in work.deps.items():
        if content.state == "fresh":
            return "no"
        if content.state == "exact" and content.digest != record.deps[path]:
            return "no"
        if content.state == "open":
            fits = "maybe"
    return fits
