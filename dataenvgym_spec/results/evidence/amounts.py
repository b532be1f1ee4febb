"""How much the students of a contrast were taught, and whether it was equally much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a student was taught; means over runs where there are several.

    Attributes:
        arm: whose student it is.
        examples: those that it was taught.
        asked: those that plans asked for.
    """

    arm: str
    examples: float
    asked: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What the two students of a contrast were taught.

    Attributes:
        equal: whether it was equally much in every run.
    """

    first: Amount
    second: Amount
    equal: bool


def amounts(results: Results, question: Question) -> Amounts | None:
    """What the students of a contrast were taught; None before any run has chosen them."""
    student, first, second = question.student, [], []
    for one, other in zip(
        results.of_arm(question.arm), results.of_arm(question.against), strict=True
    ):
        if None not in (one.iteration_of(student), other.iteration_of(student)):
            first.append(one)
            second.append(other)
    if not first:
        return None
    taught = [_examples(run, student) for run in first]
    return Amounts(
        first=_amount(question.arm, first, student),
        second=_amount(question.against, second, student),
        equal=taught == [_examples(run, student) for run in second],
    )


def _amount(arm: str, runs: Iterable[Run], student: str) -> Amount:
    runs = list(runs)
    taught = fmean(_examples(run, student) for run in runs)
    asked = fmean(run.asked(run.iteration_of(student) or 0) for run in runs)
    return Amount(arm=arm, examples=taught, asked=asked)


def _examples(run: Run, student: str) -> int:
    return run.examples(run.iteration_of(student) or 0)
