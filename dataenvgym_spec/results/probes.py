"""What is answered for the report alone: other test sets, and the sealed test by every student.

Nothing is selected by either. Report and tracking show these records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.evidence.scores import (
    Gain,
    Outcome,
    gain_of,
    outcome_of,
    outcomes_of,
    summary,
)
from dataenvgym_spec.results.evidence.statistics import Estimate, over_seeds
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run
from dataenvgym_spec.results.stage import StageResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The students of one arm on another test set.

    Attributes:
        probe: its name.
        arm: the arm.
        students: base, best and last, as far as they are there; means over runs of several.
        change: the best student less the base, on equal items; None before both are there.
        fixed: answers that only the best has right; a mean over runs.
        broken: answers that only the base has right.
    """

    probe: str
    arm: str
    students: tuple[Outcome, ...]
    change: Estimate | None
    fixed: float = 0.0
    broken: float = 0.0


def probed(results: Results) -> tuple[Probed, ...]:
    """Every probe and arm, in the order of the spec."""
    found = []
    names = dict.fromkeys(name for run in results.runs for name in run.probes)
    for name in names:
        for arm in results.index.arms:
            runs = [run.on_probe(name) for run in results.of_arm(arm) if name in run.probes]
            one = _probed(name, arm, runs)
            if one.students:
                found.append(one)
    return tuple(found)


def _probed(name: str, arm: str, runs: Sequence[Run]) -> Probed:
    outcomes = (outcomes_of(runs, student) for student in ("base", "best", "last"))
    students = tuple(summary(mine) for mine in outcomes if mine)
    changes = [gain for gain in map(gain_of, runs) if gain is not None]
    if not changes:
        return Probed(probe=name, arm=arm, students=students, change=None)
    return Probed(
        probe=name,
        arm=arm,
        students=students,
        change=_change(changes),
        fixed=fmean(gain.paired.gained for gain in changes),
        broken=fmean(gain.paired.lost for gain in changes),
    )


def _change(changes: Sequence[Gain]) -> Estimate:
    """The one difference there is, or the mean over runs."""
    if len(changes) == 1:
        return changes[0].paired.difference
    values = [gain.paired.difference.value for gain in changes]
    return over_seeds(values, least=-1.0, most=1.0)


def tested(results: Results) -> tuple[Outcome, ...]:
    """The students of all iterations on the sealed test, where a spec asks for it.

    One outcome an arm and iteration: the run's own, or the mean over runs. There is none of an
    iteration that did not take place.
    """
    rows: list[Outcome] = []
    for arm in results.index.arms:
        rows += tested_of(results.of_arm(arm))
    return tuple(rows)


def tested_of(runs: Sequence[Run]) -> tuple[Outcome, ...]:
    """The same of one arm by its runs."""
    numbers = sorted({number for run in runs for number in run.each})
    rows = []
    for number in numbers:
        mine = [_tested(run, number) for run in runs if number in run.each]
        there = [outcome for outcome in mine if outcome is not None]
        if there:
            rows.append(summary(there))
    return tuple(rows)


def answers_of(stage: StageResult) -> list[Result]:
    """The answers of a student that is tested for the report alone; empty before they are there."""
    return stage.rows("test", "results.jsonl", Result) if stage.done else []


def _tested(run: Run, number: int) -> Outcome | None:
    return outcome_of(run, f"iteration {number}", number, answers_of(run.each[number]))
