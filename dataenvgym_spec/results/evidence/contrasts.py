"""The contrasts that a spec declares, answered: which students, on which items, with what interval.

The only place that decides what is compared; report, tracking and notebooks show these records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.evidence.amounts import Amounts, amounts
from dataenvgym_spec.results.evidence.answers import Sides, rows_of, sides
from dataenvgym_spec.results.evidence.choosing import chosen_by
from dataenvgym_spec.results.evidence.components import Crossed, crossed
from dataenvgym_spec.results.evidence.correction import holm
from dataenvgym_spec.results.evidence.equivalence import Equivalence, Interval, equivalence
from dataenvgym_spec.results.evidence.inversion import Clustered, difference_interval
from dataenvgym_spec.results.evidence.statistics import (
    LEVEL,
    Estimate,
    Paired,
    paired,
)
from dataenvgym_spec.results.evidence.tails import NORMAL
from dataenvgym_spec.results.experiment import Results

ALPHA: Final = 1 - LEVEL
"""The level of every test."""
MOST: Final = (-1.0, 1.0)
"""All that a difference of two accuracies can be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What the answers of two students, in one run or several, say of their difference.

    Attributes:
        difference: with its interval at 95%: over items or their clusters with one run, over runs
            and items with several.
        items: how many items the students share in every run.
        p: of the test of no difference that the interval inverts.
        runs: the comparison in each run, by seed.
        crossed: what makes it vary; None with one run, which says nothing of other runs, and with
            one item or cluster, which says nothing of other ones.
    """

    difference: Estimate
    items: int
    p: float
    runs: tuple[tuple[int, Paired], ...]
    crossed: Crossed | None = None

    @property
    def replicates(self) -> int:
        """How many runs the difference is a mean of; runs that are copies of each other are one."""
        return self.difference.replicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A declared contrast, answered: the first student less the other, on equal items.

    Attributes:
        question: what the spec asks.
        weighed: the difference and its test.
        chosen: whether one of the students was chosen by its score on these items.
        amounts: what the two students were taught.
        adjusted: Holm's p value in its family; None before the contrast is seen with the others.
        family: how many contrasts the family has.
        equivalence: whether the two are equivalent; None if the spec does not ask.
    """

    question: Question
    weighed: Weighed
    chosen: bool = False
    amounts: Amounts | None = None
    adjusted: float | None = None
    family: int = 1
    equivalence: Equivalence | None = None

    @property
    def difference(self) -> Estimate:
        """The first student's accuracy less the other's."""
        return self.weighed.difference

    @property
    def items(self) -> int:
        """How many items the students share."""
        return self.weighed.items

    @property
    def runs(self) -> tuple[tuple[int, Paired], ...]:
        """The comparison in each run, by seed."""
        return self.weighed.runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A declared contrast whose students have answered, but nothing that it is about."""

    question: Question


def comparisons(results: Results) -> tuple[Comparison, ...]:
    """The declared contrasts that can be answered already, the primary ones first.

    The primary contrasts are one family, those that explore another: each holds its error rate by
    Holm's correction over all that are declared in it, answered or not. In each the claims of
    equivalence are corrected among themselves, likewise.
    """
    answers = [comparison(results, question) for question in results.index.contrasts]
    found: list[Comparison] = []
    for primary in (True, False):
        declared = sum(one.primary is primary for one in results.index.contrasts)
        family = [one for one in answers if one and one.question.primary is primary]
        adjusted = holm([one.weighed.p for one in family], declared)
        bounded = iter(_equivalences(results, family, primary=primary))
        for one, p in zip(family, adjusted, strict=True):
            claim = None if one.equivalence is None else next(bounded)
            found.append(replace(one, adjusted=p, family=declared, equivalence=claim))
    return tuple(found)


def _equivalences(
    results: Results, family: Sequence[Comparison], *, primary: bool
) -> Iterator[Equivalence]:
    """The claims of equivalence of a family, corrected."""
    questions = [one for one in results.index.contrasts if one.primary is primary]
    declared = sum(one.equivalence is not None for one in questions)
    claims = [one.equivalence for one in family if one.equivalence is not None]
    for claim, p in zip(claims, holm([claim.p for claim in claims], declared), strict=True):
        yield replace(claim, adjusted=p, family=declared)


def comparison(results: Results, question: Question) -> Comparison | None:
    """The answer to one declared contrast, on its own; None before its results are there."""
    answers = contrasted(results, question)
    if not answers:
        return None
    weighed = weigh(answers)
    bound = question.equivalence
    students = (
        (results, question.arm, question.student),
        (results, question.against, question.second),
    )
    claim = None if bound is None else equivalence(_interval(answers, weighed), bound / 100)
    return Comparison(
        question=question,
        weighed=weighed,
        chosen=chosen_by(question.split, students),
        amounts=amounts(results, question),
        equivalence=claim,
    )


def weigh(answers: Mapping[int, Sides]) -> Weighed:
    """The difference of two students over the runs in which both have answered.

    Several runs on one item, or on one cluster of items, have a mean, and no interval but all that
    a difference can be: it is to hold for other items, and of the variance between them, which
    `Crossed.half` takes with a t of as many degrees of freedom as there are units but one, they
    know nothing.

    Args:
        answers: theirs, by run seed; at least of one run.
    """
    runs = tuple((seed, _paired(one)) for seed, one in answers.items())
    _, first = runs[0]
    signs = [_signs(one) for one in answers.values()]
    table = crossed(signs, _clusters(answers))
    # Runs that are copies of each other are one run.
    copies = all(one == signs[0] for one in signs) if table is None else table.copies
    if copies:
        return Weighed(difference=first.difference, items=first.items, p=first.p, runs=runs)
    mean = fmean(pair.difference.value for _, pair in runs) if table is None else table.mean
    low, high = MOST if table is None else table.interval(ALPHA)
    alone = first.difference.covers == "items"
    difference = Estimate(
        value=mean,
        low=low,
        high=high,
        covers="items and seeds" if alone else "clusters and seeds",
        count=len(runs),
    )
    items = len(set.intersection(*(set(one) for one in signs)))
    p = 1.0 if table is None else table.p
    return Weighed(difference=difference, items=items, p=p, runs=runs, crossed=table)


def _interval(answers: Mapping[int, Sides], weighed: Weighed) -> Interval:
    """The interval at other levels, made as that at 95% is."""
    if weighed.crossed is not None:
        return weighed.crossed.interval
    if weighed.replicates > 1:
        return lambda _: MOST
    first = next(iter(answers.values()))
    clusters = _clusters(answers)
    signs = _signs(first).items()
    sums = Clustered.of((clusters.get(item, item), sign) for item, sign in signs)
    return lambda alpha: difference_interval(sums, NORMAL.inv_cdf(1 - alpha / 2))


def _signs(one: Sides) -> dict[str, float]:
    """The paired differences of a run, by item."""
    first, second = one.first.right, one.second.right
    return {item: float(first[item]) - float(second[item]) for item in one.shared}


def _clusters(answers: Mapping[int, Sides]) -> dict[str, str]:
    clusters: dict[str, str] = {}
    for one in answers.values():
        clusters |= one.first.clusters
    return clusters


def unanswered(results: Results) -> tuple[Unanswered, ...]:
    """Contrasts that no item is about, although both students are scored in some run.

    A skill that a discovery has not found, or a slice without an item, is known only now.
    """
    missing = []
    for question in results.index.contrasts:
        if not contrasted(results, question) and _scored(results, question):
            missing.append(Unanswered(question=question))
    return tuple(missing)


def contrasted(results: Results, question: Question) -> dict[int, Sides]:
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
