"""What each stage of an experiment will read and write, before anything executes.

Causes are found in `plan`; how DVC treats one stage is in `repro`.

A stage with a new key has no lock, and everything below it has a new key too. What is left to
foresee is a stage whose own key is unchanged while something above it has to be made again because
its result is lost: whether the same bytes come out depends on what that stage promises.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from dataenvgym_spec.core.hashing import md5_text
from dataenvgym_spec.core.roots import Outside
from dataenvgym_spec.emit.stages import COMMAND, stage_json
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.promises import promise
from dataenvgym_spec.questions.repro import (
    AGAIN,
    FRESH,
    Bytes,
    Decision,
    DvcStage,
    Sure,
    World,
    decide,
)

PASSES: Final = 4
"""A bound on looking again; the second pass has always settled it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What is known of a stage in whichever experiment: nothing missing was asked about.

    Attributes:
        work: the stage as DVC sees it.
        decision: what DVC will do to it.
        results: what will be where it writes.
    """

    work: DvcStage
    decision: Decision
    results: Mapping[str, Bytes]


@dataclass(slots=True, kw_only=True)
class Foresight:
    """What is known about the stages so far, by key.

    Attributes:
        world: the disk.
        stages: the stages of the graph.
        above: all that each stage reads, directly or not.
        bytes: what will be at a path, relative to the repository.
        work: each stage as DVC sees it.
        decisions: what DVC will do to it.
        makers: which stages will make an object, from one pass to the next.
        constant: whether a stage gives the same bytes always, as far as this was asked.
        marks: the hash of each stage's own file, as far as it was made: experiments share it.
        settled: what other experiments have found out that holds in this one too.
        relative: whether a decision was asked for since that depends on what else is made here.
    """

    world: World
    stages: dict[str, Stage]
    above: dict[str, frozenset[str]] = field(default_factory=dict)
    bytes: dict[str, Bytes] = field(default_factory=dict)
    work: dict[str, DvcStage] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    makers: dict[str, frozenset[str]] = field(default_factory=dict)
    constant: dict[str, bool] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    settled: dict[str, Settled] = field(default_factory=dict)
    relative: bool = False

    def decide(self, work: DvcStage, key: str = "") -> Decision:
        """What DVC does to a stage; without a key, to the report, which no stage reads."""
        return decide(self.world, work, partial(_returns, self, key))


def foresee(
    stages: Sequence[Stage], graph: Graph, world: World, settled: dict[str, Settled] | None = None
) -> Foresight:
    """Decides on the stages of one experiment.

    Args:
        stages: in the order of execution.
        graph: all stages.
        world: the disk.
        settled: what was found out for other experiments about the same disk; more is added.
    """
    foresight = Foresight(
        world=world,
        stages=graph.by_id(),
        marks=graph.marks,
        settled={} if settled is None else settled,
    )
    for stage in stages:
        foresight.above[stage.id] = _above(foresight, stage)
    for _ in range(PASSES):
        if not _pass(foresight, stages):
            break
    return foresight


def _above(foresight: Foresight, stage: Stage) -> frozenset[str]:
    keys = {read.stage for read in stage.inputs}
    return frozenset(keys).union(*(foresight.above[key] for key in keys))


def _pass(foresight: Foresight, stages: Sequence[Stage]) -> bool:
    """Decides on every stage.

    A lost result may come back because another stage makes equal files: students share a tokenizer.

    Returns:
        Whether another pass is due, because what will be made differs from what was assumed.
    """
    makers: dict[str, set[str]] = {}
    for stage in stages:
        found = foresight.settled.get(stage.id) or _decided(foresight, stage)
        foresight.work[stage.id] = found.work
        foresight.decisions[stage.id] = found.decision
        for path, content in found.results.items():
            foresight.bytes[f"{found.work.folder}/{path}"] = content
        if found.decision.action in ("run", "maybe"):
            for one in _objects(foresight, found.results.values()):
                makers.setdefault(one, set()).add(stage.id)
    before = foresight.makers
    foresight.makers = {one: frozenset(keys) for one, keys in makers.items()}
    return before != foresight.makers


def _decided(foresight: Foresight, stage: Stage) -> Settled:
    """Decides on a stage; all that it reads was decided on."""
    foresight.relative = False
    work = _work(foresight, stage)
    decision = foresight.decide(work, stage.id)
    results = _results(foresight, stage, work, decision)
    found = Settled(work=work, decision=decision, results=results)
    # A sweep shares its first stages, and what they come out as does not depend on who asks.
    above = all(read.stage in foresight.settled for read in stage.inputs)
    if above and not foresight.relative:
        foresight.settled[stage.id] = found
    return found


def _objects(foresight: Foresight, contents: Iterable[Bytes]) -> set[str]:
    """The objects that make up some results, as far as they are known."""
    digests = {content.digest for content in contents if content.digest}
    return set().union(*(foresight.world.objects(digest) for digest in digests))


# --- whether a lost result comes back -------------------------------------------------------------


def _returns(foresight: Foresight, key: str, missing: frozenset[str]) -> Sure:
    """Whether missing objects will be in the cache when it is a stage's turn."""
    foresight.relative |= bool(missing)
    sure: Sure = "yes"
    for one in missing:
        makers = _other_makers(foresight, key, one)
        if not makers:
            return "no"
        # DVC's order is known only between a stage and those above it.
        earlier = makers & foresight.above.get(key, makers)
        if not any(_makes(foresight, maker, one) for maker in earlier):
            sure = "maybe"
    return sure


def _other_makers(foresight: Foresight, key: str, one: str) -> set[str]:
    """The stages that will make an object and do not wait for this stage."""
    makers = set()
    # One that reads this stage, directly or not, comes too late for it.
    for maker in foresight.makers.get(one, ()):
        if maker != key and key not in foresight.above[maker]:
            makers.add(maker)
    return makers


def _makes(foresight: Foresight, maker: str, one: str) -> bool:
    """Whether a stage is sure to make an object again."""
    if foresight.decisions[maker].action != "run":
        return False
    work = foresight.work[maker]
    contents = (foresight.bytes[f"{work.folder}/{path}"] for path in work.outs)
    exact = [content for content in contents if content.state == "exact"]
    return one in _objects(foresight, exact)


# --- what a stage reads and writes ----------------------------------------------------------------


def _work(foresight: Foresight, stage: Stage) -> DvcStage:
    """A stage as DVC sees it, with what it will read."""
    # The stage's own file is the same in every pass, and making its text is the most of the work.
    own = foresight.marks.get(stage.id)
    if own is None:
        own = foresight.marks[stage.id] = md5_text(stage_json(stage, foresight.stages))
    deps = {"stage.json": Bytes(state="exact", digest=own)}
    for read in stage.inputs:
        other = foresight.stages[read.stage].directory
        port = f"{other}/out/{read.port}"
        deps[f"../{port}"] = foresight.bytes[f"store/{port}"]
    for path in stage.files.values():
        if Outside.parse(path) is not None:
            continue
        digest = foresight.world.hash_of(path)
        # A file that is missing fits nothing that was recorded.
        content = Bytes(state="exact", digest=digest) if digest else FRESH
        deps[os.path.join("../..", path)] = content
    folder = f"store/{stage.directory}"
    return DvcStage(
        folder=folder,
        wdir=folder,
        name=stage.kind,
        cmd=COMMAND.format(up="../../", rest="stage"),
        deps=deps,
        outs=["log", *(f"out/{port}" for port in stage.ports)],
        mark=own,
    )


def _results(
    foresight: Foresight, stage: Stage, work: DvcStage, decision: Decision
) -> dict[str, Bytes]:
    """What will be where the stage writes."""
    results = {}
    for path in work.outs:
        if decision.action in ("reuse", "restore"):
            results[path] = Bytes(state="exact", digest=decision.outs[path])
        elif path == "log":
            results[path] = _log(foresight, stage, decision)
        else:
            results[path] = _made_again(foresight, stage, decision, path)
    return results


def _log(foresight: Foresight, stage: Stage, decision: Decision) -> Bytes:
    """No two logs are equal, for they hold times; but a finished one may be adopted."""
    if decision.action == "maybe" or foresight.world.adoptable(stage):
        return Bytes(state="open")
    return FRESH


def _made_again(foresight: Foresight, stage: Stage, decision: Decision, path: str) -> Bytes:
    recorded = decision.outs.get(path)
    if recorded is None:
        # Its readers have recorded what it was, and it cannot come out otherwise.
        return AGAIN if _constant(foresight, stage) else Bytes(state="open")
    if decision.sure and _repeats(foresight, stage, decision):
        return Bytes(state="exact", digest=recorded)
    return Bytes(state="open", digest=recorded)


def _repeats(foresight: Foresight, stage: Stage, decision: Decision) -> bool:
    """Whether a stage with the same inputs gives the bytes that were recorded."""
    promised = promise(stage)
    if promised == "same-machine":
        return foresight.world.made_here(decision.outs["log"])
    return promised == "anywhere"


def _constant(foresight: Foresight, stage: Stage) -> bool:
    """Whether a stage and all above it promise the same bytes anywhere."""
    if stage.id not in foresight.constant:
        constant = promise(stage) == "anywhere"
        for read in stage.inputs:
            constant = constant and _constant(foresight, foresight.stages[read.stage])
        foresight.constant[stage.id] = constant
    return foresight.constant[stage.id]
