"""How much the students of a contrast were taught, and whether it was equally much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean

from dataenvgym_spec.language.analysis import BASE
from dataenvgym_spec.records.experiment import Question, Student, called
from dataenvgym_spec.results.experiment import Results
from dataenvgym_spec.results.run import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a student was taught; means over runs where there are several.

    Attributes:
        arm: whose student it is.
        student: which of them.
        examples: those that it was taught.
        asked: those that plans asked for.
    """

    arm: str
    student: str
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
    """What the students of a contrast were taught; None before any run has chosen them.

    None too where amounts differ by what is asked: one is untaught, or both are of one arm.
    """
    if question.arm == question.against:
        return None
    runs = zip(results.of_arm(question.arm), results.of_arm(question.against), strict=True)
    return amounts_of(question, runs, (question.arm, question.against))


def amounts_of(
    question: Question, runs: Iterable[tuple[Run, Run]], names: tuple[str, str]
) -> Amounts | None:
    """The same of any two arms, also of two experiments.

    Args:
        question: which students are compared.
        runs: of both arms in pairs, that in question first.
        names: what the arms are called.
    """
    student, other = question.student, question.second
    if BASE in (student, other):
        return None
    first, second = [], []
    for mine, others in runs:
        if None not in (mine.iteration_of(student), others.iteration_of(other)):
            first.append(mine)
            second.append(others)
    if not first:
        return None
    taught = [_examples(run, student) for run in first]
    return Amounts(
        first=_amount(names[0], first, student),
        second=_amount(names[1], second, other),
        equal=taught == [_examples(run, other) for run in second],
    )


def _amount(arm: str, runs: Iterable[Run], student: Student) -> Amount:
    runs = list(runs)
    taught = fmean(_examples(run, student) for run in runs)
    asked = fmean(run.asked(run.iteration_of(student) or 0) for run in runs)
    return Amount(arm=arm, student=called(student), examples=taught, asked=asked)


def _examples(run: Run, student: Student) -> int:
    return run.examples(run.iteration_of(student) or 0)
