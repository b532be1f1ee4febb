"""What `dvc repro` will do to each stage of an experiment, and why, before anything executes.

What each stage will find is in `foresee`, how DVC treats one stage in `repro`; text is made in
`cli`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.core.hashing import md5_text
from dataenvgym_spec.emit.entry import entry, home
from dataenvgym_spec.emit.index import index
from dataenvgym_spec.graph.ir import Entry, Graph, Input, Stage, Use
from dataenvgym_spec.questions.causes import cause
from dataenvgym_spec.questions.foresee import Foresight, Settled, foresee
from dataenvgym_spec.questions.repro import FRESH, Bytes, Decision, DvcStage, Treatment, World
from dataenvgym_spec.resolve.arms import Resolved

GATE: Final = "gate"
"""The slot that tells a stage to do its work or to pass the last result through."""
REPORT: Final = "report"
VERBS: Final = {"run": "runs", "pass": "passes the last student through", "maybe": "may run"}
"""What a stage does that others are made again for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """What happens to one stage.

    Attributes:
        key: the stage's key; of the report, the experiment's name.
        kind: the stage kind, or `report`.
        action: what DVC does.
        cause: why.
        use: where the experiment uses the stage; None for its report.
        directory: the stage's directory in the store; empty for the report.
    """

    key: str
    kind: str
    action: Treatment
    cause: str
    use: Use | None = None
    directory: str = ""

    @property
    def place(self) -> str:
        """Arm and iteration; empty for the report."""
        return self.use.place() if self.use else ""

    @property
    def what(self) -> str:
        """What is done there."""
        return self.use.what if self.use else self.kind

    @property
    def label(self) -> str:
        """Place and work in one."""
        return self.use.label() if self.use else self.kind


@dataclass(slots=True, kw_only=True)
class _Planner:
    """What the steps of one experiment are made from, and those that are made already."""

    graph: Graph
    experiment: str
    specs: Sequence[Resolved]
    foresight: Foresight
    explains: bool
    steps: dict[str, PlannedStage] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.foresight.world

    def inputs(self, stage: Stage) -> list[PlannedStage]:
        return [self.steps[read.stage] for read in stage.inputs]


def plan(
    graph: Graph,
    item: Entry,
    world: World,
    specs: Sequence[Resolved] = (),
    *,
    explains: bool = True,
    settled: dict[str, Settled] | None = None,
) -> tuple[PlannedStage, ...]:
    """The steps of one experiment, in the order of execution; the last is its report.

    Args:
        graph: the compiled graph.
        item: the experiment.
        world: the disk.
        specs: the resolved specs, for the lines of what changed.
        explains: whether to look, also in git, for what has changed; else such causes are empty.
        settled: what plans of other experiments have found out about the same world.
    """
    stages = list(graph.of(item))
    if world.pulls:
        _expect(stages, item, world)
    foresight = foresee(stages, graph, world, settled)
    planner = _Planner(
        graph=graph, experiment=item.name, specs=specs, foresight=foresight, explains=explains
    )
    for stage in stages:
        planner.steps[stage.id] = _stage_step(planner, stage)
    return (*planner.steps.values(), _entry_step(planner, graph, item))


def _expect(stages: Sequence[Stage], item: Entry, world: World) -> None:
    """Tells the world which results will be asked about, so that it looks once."""
    places = [(f"store/{stage.directory}", stage.kind) for stage in stages]
    places.append((home(item), item.name))
    digests: set[str] = set()
    for folder, name in places:
        lock = world.lock(folder, name)
        if lock:
            digests.update(lock.outs.values())
    world.expect(digests)


def _stage_step(planner: _Planner, stage: Stage) -> PlannedStage:
    decision = planner.foresight.decisions[stage.id]
    action, reason = _gated(planner, stage, decision)
    # A stage of several arms goes by the first of them.
    use = planner.graph.uses(stage, planner.experiment)[0]
    return PlannedStage(
        key=stage.id,
        kind=stage.kind,
        action=action,
        cause=reason or decision.cause or _changed(planner, stage, action),
        use=use,
        directory=stage.directory,
    )


def _entry_step(planner: _Planner, graph: Graph, item: Entry) -> PlannedStage:
    decision = planner.foresight.decide(_entry_work(planner.foresight, graph, item))
    reason = decision.cause or _reported(planner, item)
    return PlannedStage(key=item.name, kind=REPORT, action=decision.action, cause=reason)


def _entry_work(foresight: Foresight, graph: Graph, item: Entry) -> DvcStage:
    """The report as DVC sees it."""
    body = entry(item, graph)
    # The compiled index is a dependency that no stage writes: it is added below.
    own = md5_text(index(item, graph))
    deps = {path: foresight.bytes[path] for path in body["deps"] if path in foresight.bytes}
    deps[f"experiments/{item.name}.json"] = Bytes(state="exact", digest=own)
    for path in item.index.specs:
        digest = foresight.world.hash_of(path)
        deps[path] = Bytes(state="exact", digest=digest) if digest else FRESH
    return DvcStage(
        folder=home(item),
        wdir="",
        name=item.name,
        cmd=body["cmd"],
        deps=deps,
        outs=[*body["outs"], *body["metrics"]],
        mark=own,
    )


# --- gates ----------------------------------------------------------------------------------------


def _gated(planner: _Planner, stage: Stage, decision: Decision) -> tuple[Treatment, str]:
    """The action, once the stage's gate has been asked; and a cause if the gate is the reason."""
    if decision.action != "run":
        return decision.action, ""
    for read in stage.inputs:
        if read.slot != GATE:
            continue
        # What a gate will say is known only if its result is sure to be what it was.
        answer = _answer(planner, read)
        label = planner.steps[read.stage].label
        if not isinstance(answer, dict):
            work = "does its work or passes the last student through"
            return "maybe", f"'{label}' decides whether it {work}"
        if answer.get("stop"):
            passed = "the last student is passed through, at no cost"
            return "pass", f"'{label}' says stop: {passed}"
    return "run", ""


def _answer(planner: _Planner, read: Input) -> Any:
    """What a gate said, if it is known to say the same again."""
    gate = planner.steps[read.stage]
    content = planner.foresight.bytes[f"store/{gate.directory}/out/{read.port}"]
    if content.state != "exact" or not content.digest:
        return None
    return planner.world.content(content.digest, "gate.json")


# --- causes ---------------------------------------------------------------------------------------


def _changed(planner: _Planner, stage: Stage, action: Treatment) -> str:
    """The cause of a stage that nothing recorded fits."""
    if not planner.explains:
        return ""
    before: dict[str, Any] | None = None
    # Only what surely runs is compared with what stood there: that may ask git.
    if action == "run":
        before = planner.world.earlier(stage, planner.graph.uses(stage, planner.experiment))
        if before is None and _never_made(planner, stage):
            return "its result was never made here"
    own = cause(stage, before, planner.specs, planner.experiment) if before else None
    return own or _above(planner, stage, before) or "what it reads changed"


def _never_made(planner: _Planner, stage: Stage) -> bool:
    return planner.world.lock(f"store/{stage.directory}", stage.kind) is None


def _above(planner: _Planner, stage: Stage, before: dict[str, Any] | None) -> str:
    """The first input that is to blame, in words."""
    steps = planner.inputs(stage)
    # What surely changes is a better reason than what may.
    blamed = _first(steps, "run", "pass") or _first(steps, "maybe")
    if blamed:
        return f"reads '{blamed.label}', which {VERBS[blamed.action]}"
    if before is None:
        return ""
    old = {key for _, key, _ in before.get("inputs", ())}
    for step in steps:
        if step.key not in old:
            return f"reads '{step.label}', which changed"
    return ""


def _reported(planner: _Planner, item: Entry) -> str:
    """Why the report is made again."""
    steps = list(planner.steps.values())
    blamed = _first(steps, "run") or _first(steps, "pass") or _first(steps, "maybe")
    if blamed:
        return f"reports on '{blamed.label}', which {VERBS[blamed.action]}"
    if planner.world.lock(home(item), item.name) is None:
        return "it was never made here"
    return "the compiled experiment or a result it reports changed"


def _first(steps: Sequence[PlannedStage], *actions: Treatment) -> PlannedStage | None:
    """The first step that does one of these."""
    for step in steps:
        if step.action in actions:
            return step
    return None
