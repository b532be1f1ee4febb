"""The base student, once: a run of its own beside those of the arms that teach it.

What a run of an arm shows of iteration 0 is the first point of its curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.ledger import Ledger
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.track import notes, teaching
from dataenvgym_spec.track.iteration import (
    circumstances,
    metrics_of,
    selection_values,
    training_metrics,
    unreadable,
)
from dataenvgym_spec.track.naming import in_order
from dataenvgym_spec.track.runs import RunRecord
from dataenvgym_spec.track.students import EXPERIMENT, student_of

NAME: Final = "base student"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An untaught student.

    Attributes:
        id: of its run, for ever.
        name: of its run.
        turn: what makes it and scores it on selection, as a turn of the loop.
        runs: the runs that teach it.
    """

    id: str
    name: str
    turn: Iteration
    runs: tuple[Run, ...]


def bases_of(results: Results) -> tuple[Base, ...]:
    """The base students of an experiment: one, unless arms or seeds have different ones."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    turns: dict[tuple[str, ...], Iteration] = {}
    for run in results.runs:
        stages = tuple(_stages(run.iterations[0]))
        keys = tuple(stage.key for stage in stages)
        groups.setdefault(keys, []).append(run)
        turns[keys] = Iteration(number=0, stages=stages)
    bases = []
    for keys, runs in groups.items():
        if keys:
            name = NAME if len(groups) == 1 else f"{NAME} of {_whose(runs)}"
            identity = f"{results.name}/base/{digest('track base', keys)[:16]}"
            bases.append(Base(id=identity, name=name, turn=turns[keys], runs=tuple(runs)))
    return tuple(bases)


def _stages(turn: Iteration) -> Iterator[StageResult]:
    """What makes a base student, and its evaluation on selection, whether done or not."""
    yield from turn.of("student")
    for stage in turn.of("evaluate"):
        if stage.work == "evaluate on selection":
            yield stage


def _whose(runs: Sequence[Run]) -> str:
    """The arms that share a base student, or the run that has it alone."""
    if len(runs) == 1:
        return f"{runs[0].arm}, seed {runs[0].seed}"
    return ", ".join(dict.fromkeys(run.arm for run in runs))


def base_record(
    results: Results,
    base: Base,
    ledger: Ledger,
    plans: Mapping[str, str],
    prefix: str,
) -> RunRecord | None:
    """The run of a base student; None before it is made.

    Args:
        results: the experiment.
        base: the student.
        ledger: of the experiment.
        plans: the plan of every run, by id.
        prefix: what names begin with, in a sweep.
    """
    turn = base.turn
    start = ledger.started(turn.stages[0])
    if start is None:
        return None
    values = [*selection_values(turn, ledger), *unreadable(turn.stages, ledger)]
    scored = metrics_of(values, 0)
    tags = {
        "kind": "base",
        "arms": ", ".join(dict.fromkeys(run.arm for run in base.runs)),
        EXPERIMENT: results.name,
        "dataenvgym.keys": " ".join(stage.path.name for stage in turn.stages),
    }
    name = prefix + base.name
    return RunRecord(
        id=base.id,
        name=name,
        plan=plans[base.id],
        start=start,
        end=ledger.all_ended(turn.stages),
        params=tuple(sorted(circumstances(turn, ledger).items())),
        metrics=(*scored, *training_metrics(turn, ledger)),
        artifacts=tuple(teaching.artifacts(turn, ledger)),
        tags=in_order(tags),
        note=notes.of_base(turn),
        student=student_of(results, turn, ledger, name, scored, {"kind": "base"}),
    )
