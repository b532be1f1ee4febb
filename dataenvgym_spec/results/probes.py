"""What is answered for the report alone: other test sets, and the sealed test by every student.

Nothing is selected by either. Report and tracking show these records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.evidence.answers import sides
from dataenvgym_spec.results.evidence.contrasts import weigh
from dataenvgym_spec.results.evidence.scores import Outcome, outcome_of, outcomes_of, summary
from dataenvgym_spec.results.evidence.statistics import Estimate
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
        change: the best student less the base, weighed as a contrast is; None before both are
            there.
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
            runs = [run for run in results.of_arm(arm) if name in run.probes]
            one = _probed(name, arm, runs)
            if one.students:
                found.append(one)
    return tuple(found)


def _probed(name: str, arm: str, runs: Sequence[Run]) -> Probed:
    views = [run.on_probe(name) for run in runs]
    outcomes = (outcomes_of(views, student) for student in ("base", "best", "last"))
    students = tuple(summary(mine) for mine in outcomes if mine)
    # As of a contrast that a spec declares, so that both have one interval.
    asked = Question(arm=arm, against=arm, split=name, student="best", other="base")
    answers = {run.seed: both for run in runs if (both := sides(run, run, asked)).shared}
    if not answers:
        return Probed(probe=name, arm=arm, students=students, change=None)
    change = weigh(answers)
    return Probed(
        probe=name,
        arm=arm,
        students=students,
        change=change.difference,
        fixed=fmean(pair.gained for _, pair in change.runs),
        broken=fmean(pair.lost for _, pair in change.runs),
    )


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
