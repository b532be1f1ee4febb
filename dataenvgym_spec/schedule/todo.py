"""What is to be done of experiments, by their plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dataenvgym_spec.emit.entry import target
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.graph.ir import Entry, Graph, Stage
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.questions.together import Plans
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.shards import shared

REPORT_SECONDS: Final = 5.0
"""What a report is expected to take."""
RESTORE_SECONDS: Final = 0.5
"""What it is expected to take to bring a result back that exists."""
REPORT_MEMORY: Final = 512 * 2**20
FETCH: Final = "fetch"
"""The id of the work that fetches results from DVC's remote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What is to be done of an experiment.

    Attributes:
        targets: the stages as DVC names them, in topological order.
        done: how many stages are done already.
    """

    targets: tuple[str, ...]
    done: int


def open_targets(item: Entry, steps: Sequence[PlannedStage]) -> Open:
    """What is to be done of an experiment whose plan has these steps."""
    targets = []
    for step in steps:
        if step.action != "reuse":
            targets.append(address(step.directory) if step.directory else target(item))
    return Open(targets=tuple(targets), done=len(steps) - len(targets))


@dataclass(slots=True, kw_only=True)
class _Step:
    """A stage that is to be made, and for whom."""

    step: PlannedStage
    experiments: list[str] = field(default_factory=list)


def queue(
    graph: Graph,
    plans: Plans,
    *,
    seconds: Mapping[str, float],
    needs: Callable[[Stage], Needs],
    pull: bool = False,
    shards: Callable[[Stage], int] = lambda _stage: 1,
) -> tuple[Work, ...]:
    """One queue for the plans of some experiments: each stage once, and their reports.

    Args:
        graph: the compiled graph.
        plans: the steps of each experiment.
        seconds: how long stages are expected to take, by key.
        needs: what a stage occupies.
        pull: whether results may be fetched from DVC's remote.
        shards: how many processes share a stage that is run.
    """
    stages = _union(plans)
    fetched = _fetched(graph, stages) if pull else ()
    ids = {key: FETCH if key in set(fetched) else one.step.directory for key, one in stages.items()}
    works = [_fetch(stages, fetched)] if fetched else []
    for key, one in stages.items():
        if ids[key] == FETCH:
            continue
        stage = graph.by_id()[key]
        work = Work(
            id=ids[key],
            targets=(address(one.step.directory),),
            after=frozenset(ids[read.stage] for read in stage.inputs if read.stage in ids),
            needs=needs(stage),
            seconds=_expected(one.step, seconds),
            title=one.step.label,
            experiments=tuple(one.experiments),
            pull=pull and one.step.action != "run",
        )
        runs = one.step.action in ("run", "maybe")
        works += shared(work, shards(stage) if runs else 1)
    for item in graph.entries:
        if item.name in plans and plans[item.name][-1].action != "reuse":
            works.append(_report(item, plans[item.name], ids, pull=pull))
    return tuple(works)


def _union(plans: Plans) -> dict[str, _Step]:
    """The stages that are to be made, by key, each with the experiments that need it."""
    stages: dict[str, _Step] = {}
    for name, steps in plans.items():
        for step in steps:
            if step.action != "reuse" and step.directory:
                stages.setdefault(step.key, _Step(step=step)).experiments.append(name)
    return stages


def _fetched(graph: Graph, stages: Mapping[str, _Step]) -> tuple[str, ...]:
    """The stages whose results come from elsewhere, whatever else is made; in their order.

    For a pull DVC reads the whole repository, once a process: they are fetched by one.
    """
    found: dict[str, None] = {}
    for key, one in stages.items():
        above = [read.stage for read in graph.by_id()[key].inputs if read.stage in stages]
        if one.step.action == "restore" and all(other in found for other in above):
            found[key] = None
    return tuple(found)


def _fetch(stages: Mapping[str, _Step], keys: Sequence[str]) -> Work:
    names = dict.fromkeys(name for key in keys for name in stages[key].experiments)
    return Work(
        id=FETCH,
        targets=tuple(address(stages[key].step.directory) for key in keys),
        seconds=RESTORE_SECONDS * len(keys),
        title=f"fetch {len(keys)} results",
        experiments=tuple(names),
        pull=True,
    )


def _expected(step: PlannedStage, seconds: Mapping[str, float]) -> float:
    if step.action in ("restore", "pass"):
        return RESTORE_SECONDS
    return seconds.get(step.key, RESTORE_SECONDS)


def _report(
    item: Entry, steps: Sequence[PlannedStage], ids: Mapping[str, str], *, pull: bool
) -> Work:
    restored = steps[-1].action == "restore"
    return Work(
        # A stage's directory ends in its key: no experiment is called so.
        id=f"report-{item.name}",
        targets=(target(item),),
        after=frozenset(ids[step.key] for step in steps if step.key in ids),
        needs=Needs(memory=REPORT_MEMORY),
        seconds=RESTORE_SECONDS if restored else REPORT_SECONDS,
        title=steps[-1].label,
        experiments=(item.name,),
        pull=pull,
    )
