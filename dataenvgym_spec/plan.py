"""What `dvc repro` will do to each stage, and why, before anything executes. Reads the disk only through `World`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from dataenvgym_spec.emit.entry import entry, home
from dataenvgym_spec.emit.index import index
from dataenvgym_spec.emit.stages import COMMAND, stage_json
from dataenvgym_spec.hashing import md5_text
from dataenvgym_spec.ir import Entry, Graph, Stage

Action = Literal["run", "reuse", "restore", "pass"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens to one stage."""

    key: str
    kind: str
    action: Action
    cause: str
    label: str
    directory: str


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

    def lock(self, folder: str, stage: str) -> Recorded | None:
        """What the lock of a stage says."""

    def hash_of(self, path: str) -> str | None:
        """The hash of what lies at a path."""

    def cached(self, digest: str) -> bool:
        """Whether DVC's cache holds it."""

    def run_cache(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Recorded | None:
        """What the run cache holds."""

    def earlier(self, stage: Stage) -> dict[str, Any] | None:
        """The `stage.json` that stood at this place in the experiment when it was last compiled, if another."""


@dataclass(slots=True)
class _Planner:
    graph: Graph
    world: World
    known: dict[str, Stage]
    hashes: dict[str, str | None]
    steps: dict[str, Step]


def plan(graph: Graph, item: Entry, world: World) -> tuple[Step, ...]:
    """The steps of one experiment, in the order of execution; the last is its report."""
    planner = _Planner(graph=graph, world=world, known=graph.by_id(), hashes={}, steps={})
    stages = list(graph.of(item))
    for stage in stages:
        planner.steps[stage.id] = _stage_step(planner, stage, item.name)
    return (*planner.steps.values(), _entry_step(planner, item))


def _stage_step(planner: _Planner, stage: Stage, name: str) -> Step:
    folder = f"store/{stage.directory}"
    deps: dict[str, str | None] = {"stage.json": md5_text(stage_json(stage, planner.known))}
    for read in stage.inputs:
        other = planner.known[read.stage].directory
        deps[f"../{other}/out/{read.port}"] = planner.hashes.get(f"store/{other}/out/{read.port}")
    for path in stage.files.values():
        deps[os.path.join("../..", path)] = planner.world.hash_of(path)
    outs = ["log", *(f"out/{port}" for port in stage.ports)]
    runs = next((planner.steps[read.stage] for read in stage.inputs if planner.steps[read.stage].action == "run"), None)

    def because() -> str:
        return _cause(planner, stage, runs)

    action, cause, recorded = _decide(planner.world, folder, stage.kind, COMMAND.format(up="../../", rest="stage"), deps, outs, because)
    for path in outs:
        planner.hashes[f"{folder}/{path}"] = recorded.get(path)
    use = next(use for use in stage.uses if use.experiment == name)
    return Step(key=stage.id, kind=stage.kind, action=action, cause=cause, label=use.label(), directory=stage.directory)


def _entry_step(planner: _Planner, item: Entry) -> Step:
    body = entry(item, planner.graph)
    deps: dict[str, str | None] = {path: planner.hashes.get(path) for path in body["deps"]}
    deps[f"experiments/{item.name}.json"] = md5_text(index(item, planner.graph))
    outs = [*body["outs"], *body["metrics"], *(path for plot in body["plots"] for path in plot)]
    runs = next((step for step in planner.steps.values() if step.action == "run"), None)

    def because() -> str:
        return f"reports on '{runs.label}', which runs" if runs else "the compiled experiment or a result it reports changed"

    action, cause, _ = _decide(planner.world, home(item), item.name, body["cmd"], deps, outs, because, wdir="")
    return Step(key=item.name, kind="report", action=action, cause=cause, label="report", directory="")


def _decide(
    world: World, folder: str, name: str, cmd: str, deps: dict[str, str | None], outs: list[str], because: Callable[[], str], *, wdir: str | None = None
) -> tuple[Action, str, dict[str, str]]:
    """Action, cause and the hashes of the outs, as far as they are known. The lock lies in `folder`; paths are relative to `wdir`, by default the same."""
    lock = world.lock(folder, name)
    if None in deps.values():
        return "run", because(), {}
    wanted = {path: digest for path, digest in deps.items() if digest is not None}
    if lock is not None and lock.cmd == cmd and lock.deps == wanted and set(lock.outs) == set(outs):
        # DVC calls a result changed that lies in the workspace but not in its cache.
        lost = [path for path, digest in lock.outs.items() if not world.cached(digest)]
        if not lost:
            here = all(world.hash_of(os.path.join(folder if wdir is None else wdir, path)) == digest for path, digest in lock.outs.items())
            return ("reuse", "its result is in the workspace", lock.outs) if here else ("restore", "its result is in DVC's cache", lock.outs)
        if (cached := world.run_cache(cmd, wanted, outs)) is None or not all(map(world.cached, cached.outs.values())):
            return "run", f"its result '{lost[0]}' is not in DVC's cache", {}
    cached = world.run_cache(cmd, wanted, outs)
    if cached is not None and all(world.cached(digest) for digest in cached.outs.values()):
        return "restore", "the run cache holds a result of the same work", cached.outs
    return "run", because(), {}


def _cause(planner: _Planner, stage: Stage, runs: Step | None) -> str:
    before = planner.world.earlier(stage)
    if before is not None:
        changed = differences(before["params"], stage.params)
        if changed:
            return f"changed: {changed[0]}" + (f" (and {len(changed) - 1} more)" if len(changed) > 1 else "")
        if before["semantics"] != stage.declaration.semantics:
            return f"the stage kind '{stage.kind}' has a new version"
    if runs is not None:
        return f"reads '{runs.label}', which runs"
    return "its result was never made here" if before is None else "what it reads changed"


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """What differs between two parameter trees, as `path: old -> new`.

    >>> differences({"a": {"b": 1}}, {"a": {"b": 2}})
    ['a.b: 1 -> 2']
    """
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(set(old) | set(new))
        return [row for key in keys for row in differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)]
    return [] if old == new else [f"{path}: {_short(old)} -> {_short(new)}"]


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= 40 else text[:37] + "..."
