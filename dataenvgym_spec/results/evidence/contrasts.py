"""The contrasts that a spec declares, answered: which students, on which items, with what interval.

The only place that decides what is compared; report, tracking and notebooks show these records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.evidence.amounts import Amounts, amounts
from dataenvgym_spec.results.evidence.answers import Sides, rows_of, sides
from dataenvgym_spec.results.evidence.statistics import (
    Estimate,
    Paired,
    discordant,
    over_seeds,
    paired,
)
from dataenvgym_spec.results.experiment import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A declared contrast, answered: the first student less the other, on equal items.

    Attributes:
        question: what the spec asks.
        difference: over items or their clusters with one run per arm, over runs with several.
        items: how many items the students share.
        runs: the comparison in each run, by seed.
        amounts: what the two students were taught.
    """

    question: Question
    difference: Estimate
    items: int
    runs: tuple[tuple[int, Paired], ...]
    amounts: Amounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A declared contrast whose students have answered, but nothing that it is about."""

    question: Question


def comparisons(results: Results) -> tuple[Comparison, ...]:
    """The declared contrasts that can be answered already, the primary ones first."""
    answers = [comparison(results, question) for question in results.index.contrasts]
    answered = [answer for answer in answers if answer is not None]
    return tuple(sorted(answered, key=lambda answer: not answer.question.primary))


def comparison(results: Results, question: Question) -> Comparison | None:
    """The answer to one declared contrast; None before its results are there."""
    contrasted = _contrasted(results, question)
    pairs = [(seed, _paired(answers)) for seed, answers in contrasted.items()]
    if not pairs:
        return None
    single = pairs[0][1]
    return Comparison(
        question=question,
        difference=_difference([pair for _, pair in pairs]),
        items=single.items,
        runs=tuple(pairs),
        amounts=amounts(results, question),
    )


def unanswered(results: Results) -> tuple[Unanswered, ...]:
    """Contrasts that no item is about, although both students are scored in some run.

    A skill that a discovery has not found, or a slice without an item, is known only now.
    """
    missing = []
    for question in results.index.contrasts:
        if not _contrasted(results, question) and _scored(results, question):
            missing.append(Unanswered(question=question))
    return tuple(missing)


def difference(results: Results, question: Question) -> float | None:
    """The difference that a declared contrast asks for, without its interval."""
    pairs = _contrasted(results, question).values()
    if not pairs:
        return None
    counts = [discordant(one.first.right, one.second.right) for one in pairs]
    return fmean(count.difference for count in counts)


def _contrasted(results: Results, question: Question) -> dict[int, Sides]:
    """The answers of the two students of a contrast, by seed, where they share items."""
    pairs = {}
    runs = zip(results.of_arm(question.arm), results.of_arm(question.against), strict=True)
    for first, second in runs:
        answers = sides(first, second, question)
        if answers.shared:
            pairs[first.seed] = answers
    return pairs


def _scored(results: Results, question: Question) -> bool:
    runs = zip(results.of_arm(question.arm), results.of_arm(question.against), strict=True)
    for first, second in runs:
        split = question.split
        if rows_of(first, question.student, split) and rows_of(second, question.second, split):
            return True
    return False


def _paired(answers: Sides) -> Paired:
    return paired(answers.first.right, answers.second.right, answers.first.clusters)


def _difference(pairs: Sequence[Paired]) -> Estimate:
    """The one difference there is, or the mean over runs."""
    if len(pairs) == 1:
        return pairs[0].difference
    values = [pair.difference.value for pair in pairs]
    return over_seeds(values, least=-1.0, most=1.0)
