"""What the student that an example taught answers otherwise than the one before it.

A student learns many examples at once: that it fixed or broke an item follows its training, and is
not the doing of one example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.stage import StageResult

OPEN: Final = ("selection", "shown", "hidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What two students answer differently on the items of a split that both answered.

    Attributes:
        split: whose items they are.
        before: the iteration whose student it is compared with; 0 is the base.
        fixed: answers that are right now and were not.
        broken: answers that were right and are not.
        items: how many both answered.
    """

    split: str
    before: int
    fixed: tuple[Result, ...]
    broken: tuple[Result, ...]
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A student, with what it answers otherwise."""

    experiment: str
    arm: str
    seed: int
    iteration: int
    changes: tuple[Change, ...]


def effects(experiments: Sequence[Results], trained: Sequence[StageResult]) -> Iterator[Effect]:
    """What changed with some trainings, in each run that they are of, as far as it was evaluated.

    Args:
        experiments: where to look.
        trained: the stages that made the students.
    """
    keys = {stage.key for stage in trained}
    for results in experiments:
        runs = {(run.arm, run.seed): run for run in results.runs}
        for stage in results.stages:
            if stage.key not in keys or not stage.done or stage.passed:
                continue
            for use in stage.uses:
                # A copy for the noise floor is no student of the loop.
                if use.iteration is not None and use.copy is None:
                    yield Effect(
                        experiment=results.name,
                        arm=use.arm,
                        seed=use.seed,
                        iteration=use.iteration,
                        changes=tuple(changes(runs[use.arm, use.seed], use.iteration)),
                    )


def changes(run: Run, iteration: int) -> Iterator[Change]:
    """What the student of an iteration answers otherwise.

    On the open splits it is compared with the student before it; on the sealed test, which only
    the best and the last one answer, with the base.
    """
    for split in OPEN:
        rows = [run.iterations[number].results(split) for number in (iteration - 1, iteration)]
        if all(rows):
            yield _change(split, iteration - 1, *rows)
    for student in ("best", "last"):
        if run.iteration_of(student) == iteration:
            rows = [run.sealed("base"), run.sealed(student)]
            if all(rows):
                yield _change("test", 0, *rows)
            return


def _change(split: str, before: int, old: Sequence[Result], new: Sequence[Result]) -> Change:
    was = {row.id: row.correct for row in old}
    both = [row for row in new if row.id in was]
    return Change(
        split=split,
        before=before,
        fixed=tuple(row for row in both if row.correct and not was[row.id]),
        broken=tuple(row for row in both if was[row.id] and not row.correct),
        items=len(both),
    )
