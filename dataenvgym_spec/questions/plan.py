"""What `dvc repro` will do to each stage of an experiment, and why, before anything executes. How DVC treats one is in `repro`.

A stage of a changed key has no lock, and everything below it has a changed key too. What is left to foresee is a stage whose
own key is the same, while something above it has to be made again because its result is lost: whether the same bytes come
again depends on what that stage promises.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from dataenvgym_spec.core.hashing import md5_text
from dataenvgym_spec.emit.entry import entry, home
from dataenvgym_spec.emit.index import index
from dataenvgym_spec.emit.stages import COMMAND, stage_json
from dataenvgym_spec.graph.ir import Entry, Graph, Stage
from dataenvgym_spec.graph.promises import promise
from dataenvgym_spec.questions.causes import cause
from dataenvgym_spec.questions.repro import (
    AGAIN,
    FRESH,
    Action,
    Bytes,
    Decision,
    Sure,
    Work,
    World,
    decide,
)
from dataenvgym_spec.resolve.resolve import Resolved

GATE: Final = "gate"
"""The slot through which a stage reads whether it does its work or passes the last result through."""
PASSES: Final = 4
"""A bound on looking again; the second pass has always settled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens to one stage."""

    key: str
    kind: str
    action: Action
    cause: str
    label: str
    directory: str


@dataclass(slots=True, kw_only=True)
class _Planner:
    """What is known of the stages so far. `makers` says which stages will make an object, from one pass to the next."""

    graph: Graph
    world: World
    specs: Sequence[Resolved]
    experiment: str
    known: dict[str, Stage]
    makers: dict[str, frozenset[str]] = field(default_factory=dict)
    bytes: dict[str, Bytes] = field(default_factory=dict)
    work: dict[str, Work] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    above: dict[str, frozenset[str]] = field(default_factory=dict)
    constant: dict[str, bool] = field(default_factory=dict)


def plan(
    graph: Graph, item: Entry, world: World, specs: Sequence[Resolved] = ()
) -> tuple[Step, ...]:
    """The steps of one experiment, in the order of execution; the last is its report.

    Args:
        graph: the compiled graph.
        item: the experiment.
        world: what lies where.
        specs: the resolved specs, for the lines of what changed.
    """
    planner = _Planner(
        graph=graph, world=world, specs=specs, experiment=item.name, known=graph.by_id()
    )
    stages = list(graph.of(item))
    places = [
        *((f"store/{stage.directory}", stage.kind) for stage in stages),
        (home(item), item.name),
    ]
    locks = [lock for folder, name in places if (lock := world.lock(folder, name))]
    world.expect({digest for lock in locks for digest in lock.outs.values()})
    for stage in stages:
        planner.above[stage.id] = frozenset().union(
            *({read.stage, *planner.above[read.stage]} for read in stage.inputs)
        )
    for _ in range(PASSES):
        if not _pass(planner, stages):
            break
    for stage in stages:
        planner.steps[stage.id] = _stage_step(planner, stage)
    return (*planner.steps.values(), _entry_step(planner, item))


def _pass(planner: _Planner, stages: Sequence[Stage]) -> bool:
    """Decides on every stage. Returns whether what will be made differs from what was assumed, so that another pass is due.

    A lost result may come back because another stage makes equal files: students share a tokenizer.
    """
    makers: dict[str, set[str]] = {}
    for stage in stages:
        work = planner.work[stage.id] = _work(planner, stage)
        found = planner.decisions[stage.id] = decide(
            planner.world, work, partial(_returns, planner, stage.id)
        )
        results = _results(planner, stage, work, found)
        for path, content in results.items():
            planner.bytes[f"{work.folder}/{path}"] = content
            if found.action in ("run", "maybe") and content.digest:
                for one in planner.world.objects(content.digest):
                    makers.setdefault(one, set()).add(stage.id)
    before, planner.makers = planner.makers, {one: frozenset(keys) for one, keys in makers.items()}
    return before != planner.makers


def _returns(planner: _Planner, key: str, missing: frozenset[str]) -> Sure:
    """Whether missing objects will be in the cache when it is a stage's turn."""
    found: Sure = "yes"
    for one in missing:
        makers = {
            maker
            for maker in planner.makers.get(one, ())
            if maker != key and key not in planner.above[maker]
        }
        if not makers:
            return "no"
        # DVC's order is known only between a stage and those above it.
        if not any(
            planner.decisions[maker].action == "run" and _exact(planner, maker, one)
            for maker in makers & planner.above.get(key, makers)
        ):
            found = "maybe"
    return found


def _exact(planner: _Planner, maker: str, one: str) -> bool:
    work = planner.work[maker]
    contents = (planner.bytes[f"{work.folder}/{path}"] for path in work.outs)
    return any(
        content.state == "exact" and content.digest and one in planner.world.objects(content.digest)
        for content in contents
    )


def _work(planner: _Planner, stage: Stage) -> Work:
    known = planner.work.get(stage.id)
    own = known.mark if known else md5_text(stage_json(stage, planner.known))
    deps: dict[str, Bytes] = {"stage.json": Bytes(state="exact", digest=own)}
    for read in stage.inputs:
        other = planner.known[read.stage].directory
        deps[f"../{other}/out/{read.port}"] = planner.bytes[f"store/{other}/out/{read.port}"]
    for path in stage.files.values():
        digest = planner.world.hash_of(path)
        deps[os.path.join("../..", path)] = Bytes(state="exact", digest=digest) if digest else FRESH
    outs = ["log", *(f"out/{port}" for port in stage.ports)]
    cmd = COMMAND.format(up="../../", rest="stage")
    folder = f"store/{stage.directory}"
    return Work(
        folder=folder, wdir=folder, name=stage.kind, cmd=cmd, deps=deps, outs=outs, mark=own
    )


def _results(planner: _Planner, stage: Stage, work: Work, found: Decision) -> dict[str, Bytes]:
    """What will lie where the stage writes."""
    if found.action in ("reuse", "restore"):
        return {path: Bytes(state="exact", digest=found.outs[path]) for path in work.outs}
    # A log tells how long the work took, so that no two are equal, unless a finished one is adopted.
    log = (
        Bytes(state="open") if found.action == "maybe" or planner.world.adoptable(stage) else FRESH
    )
    return {
        path: log if path == "log" else _made_again(planner, stage, found, path)
        for path in work.outs
    }


def _made_again(planner: _Planner, stage: Stage, found: Decision, path: str) -> Bytes:
    recorded = found.outs.get(path)
    if recorded is None:
        return AGAIN if _constant(planner, stage) else Bytes(state="open")
    kept = promise(stage)
    same = kept == "anywhere" or (
        kept == "same-machine" and planner.world.made_here(found.outs["log"])
    )
    return Bytes(state="exact" if same and found.sure else "open", digest=recorded)


def _constant(planner: _Planner, stage: Stage) -> bool:
    """Whether a stage gives the same bytes whenever and wherever it is made, because it and all above it promise so."""
    if stage.id not in planner.constant:
        inputs = (planner.known[read.stage] for read in stage.inputs)
        planner.constant[stage.id] = promise(stage) == "anywhere" and all(
            _constant(planner, other) for other in inputs
        )
    return planner.constant[stage.id]


# --- steps ------------------------------------------------------------------------------------------------------------


def _stage_step(planner: _Planner, stage: Stage) -> Step:
    found = planner.decisions[stage.id]
    action, why = _gated(planner, stage, found)
    use = next(use for use in stage.uses if use.experiment == planner.experiment)
    why = why or found.cause or _changed(planner, stage, action)
    return Step(
        key=stage.id,
        kind=stage.kind,
        action=action,
        cause=why,
        label=use.label(),
        directory=stage.directory,
    )


def _entry_step(planner: _Planner, item: Entry) -> Step:
    body = entry(item, planner.graph)
    own = md5_text(index(item, planner.graph))
    deps = {path: planner.bytes[path] for path in body["deps"] if path in planner.bytes}
    deps[f"experiments/{item.name}.json"] = Bytes(state="exact", digest=own)
    outs = [*body["outs"], *body["metrics"], *(path for plot in body["plots"] for path in plot)]
    work = Work(
        folder=home(item), wdir="", name=item.name, cmd=body["cmd"], deps=deps, outs=outs, mark=own
    )
    found = decide(planner.world, work, partial(_returns, planner, ""))
    above = next(
        (
            step
            for action in ("run", "pass", "maybe")
            for step in planner.steps.values()
            if step.action == action
        ),
        None,
    )
    why = (
        f"reports on '{above.label}', which {_verb(above.action)}"
        if above
        else "the compiled experiment or a result it reports changed"
    )
    return Step(
        key=item.name,
        kind="report",
        action=found.action,
        cause=found.cause or why,
        label="report",
        directory="",
    )


def _gated(planner: _Planner, stage: Stage, found: Decision) -> tuple[Action, str]:
    """The action, once the stage's gate has been asked; and a cause if the gate is the reason."""
    gates = [read for read in stage.inputs if read.slot == GATE]
    if found.action != "run" or not gates:
        return found.action, ""
    for read in gates:
        gate = planner.steps[read.stage]
        content = planner.bytes[f"store/{gate.directory}/out/{read.port}"]
        said = (
            planner.world.content(content.digest, "gate.json")
            if content.state == "exact" and content.digest
            else None
        )
        if not isinstance(said, dict):
            return (
                "maybe",
                f"'{gate.label}' decides whether it does its work or passes the last student through",
            )
        if said.get("stop"):
            return (
                "pass",
                f"'{gate.label}' says stop: the last student is passed through, at no cost",
            )
    return "run", ""


def _changed(planner: _Planner, stage: Stage, action: Action) -> str:
    """The cause of a stage that nothing recorded fits."""
    before = planner.world.earlier(stage, planner.experiment) if action == "run" else None
    told = cause(stage, before, planner.specs, planner.experiment) if before else None
    if (
        told is None
        and before is None
        and planner.world.lock(f"store/{stage.directory}", stage.kind) is None
        and action == "run"
    ):
        return "its result was never made here"
    return told or _above(planner, stage, before) or "what it reads changed"


def _above(planner: _Planner, stage: Stage, before: dict[str, Any] | None) -> str:
    """The first input that is to blame, in words."""
    steps = [planner.steps[read.stage] for read in stage.inputs]
    for actions in (("run", "pass"), ("maybe",)):
        if (step := next((step for step in steps if step.action in actions), None)) is not None:
            return f"reads '{step.label}', which {_verb(step.action)}"
    known = (
        {key for _, key, _ in before.get("inputs", ())} if before else {step.key for step in steps}
    )
    new = next((step for step in steps if step.key not in known), None)
    return f"reads '{new.label}', which changed" if new else ""


def _verb(action: str) -> str:
    return {"run": "runs", "pass": "passes the last student through", "maybe": "may run"}.get(
        action, "changed"
    )
