"""Simulated studies with a known truth: how often a claim is wrong, and how often intervals hold it.

Students answer items of very different difficulty; every run of an arm is a student of its own, a little better or
worse on all items. What is simulated goes through the same functions as the report. Seeds are fixed. What is claimed wrongly is to
be at most 5% of the simulated studies themselves, of which the rules here stay well below; where they do not, the bound is
that which a rate at its limit exceeds once in a thousand sets of studies.
"""

from __future__ import annotations

import random
from math import exp, sqrt

import pytest

from dataenvgym_spec.results.evidence.answers import Answers, Sides
from dataenvgym_spec.results.evidence.contrasts import Weighed, weigh
from dataenvgym_spec.results.evidence.correction import holm

ARMS, RUNS = 12, 3
LEVEL = 0.05
SPREAD = 0.15
"""How far runs of one arm lie apart, in logits: about 3 points of accuracy."""


def most(level: float, studies: int) -> float:
    """The rate that a true rate of `level` stays below in 999 of 1,000 sets of studies."""
    return level + 3.1 * sqrt(level * (1 - level) / studies)


class Study:
    """Arms by run of simulated answers to the same items."""

    def __init__(self, rng: random.Random, items: int, *, size: int = 1) -> None:
        self.rng = rng
        clusters = [rng.gauss(0.0, 1.5) for _ in range(items // size)]
        self.difficulty = {str(n): clusters[n // size] for n in range(items // size * size)}
        self.clusters = {item: f"c{int(item) // size}" for item in self.difficulty}

    def arm(self, runs: int, *, better: float = 0.0, spread: float = SPREAD) -> list[Answers]:
        """The runs of an arm whose students are better by some logits."""
        return [self.student(better + self.rng.gauss(0.0, spread)) for _ in range(runs)]

    def student(self, ability: float) -> Answers:
        """Answers of one student."""
        right = {}
        for item, difficulty in self.difficulty.items():
            right[item] = self.rng.random() < 1 / (1 + exp(difficulty - ability))
        return Answers(right=right, clusters=self.clusters)


def compared(first: list[Answers], second: list[Answers]) -> Weighed:
    """Two arms, run by run."""
    pairs = zip(first, second, strict=True)
    return weigh({seed: Sides(first=a, second=b) for seed, (a, b) in enumerate(pairs)})


def families(studies: int, *, items: int, runs: int, seed: int) -> list[list[float]]:
    """The p values of studies of equal arms: eleven contrasts with a control each."""
    rng, found = random.Random(seed), []
    for _ in range(studies):
        study = Study(rng, items)
        control, *others = (study.arm(runs) for _ in range(ARMS))
        found.append([compared(arm, control).p for arm in others])
    return found


def claims(found: list[list[float]]) -> float:
    """How often a study claims any difference at 5%."""
    return sum(min(family) < 0.05 for family in found) / len(found)


def corrected(found: list[list[float]]) -> list[list[float]]:
    """The same after Holm's correction."""
    return [list(holm(family, len(family))) for family in found]


def test_twelve_equal_arms_of_three_runs_hold_the_declared_error_rate() -> None:
    """With the correction, and not without it: else this would not notice that it is gone."""
    found = families(150, items=120, runs=RUNS, seed=1)
    assert claims(corrected(found)) <= LEVEL < most(LEVEL, 150) < claims(found)


@pytest.mark.slow
@pytest.mark.parametrize(("items", "runs"), [(60, 3), (300, 3), (300, 5)])
def test_twelve_equal_arms_hold_it_in_many_studies(items: int, runs: int) -> None:
    assert claims(corrected(families(1000, items=items, runs=runs, seed=2))) <= LEVEL


def test_items_alone_claim_far_too_often() -> None:
    """The simulation can tell: with one run, eleven tests over items call what runs do a difference of arms."""
    found = families(40, items=200, runs=1, seed=3)
    assert claims(found) > claims(corrected(found)) > most(0.05, 40)


def covered(studies: int, *, runs: int, size: int, seed: int) -> float:
    """How often the interval holds the true difference of two arms on other runs and items."""
    rng, held = random.Random(seed), 0
    truth = true_difference(better=0.4)
    for _ in range(studies):
        study = Study(rng, 150, size=size)
        found = compared(study.arm(runs, better=0.4), study.arm(runs)).difference
        held += found.low <= truth <= found.high
    return held / studies


def true_difference(*, better: float) -> float:
    """The mean difference over all items and runs, by a large sum."""
    rng = random.Random(0)
    total = 0.0
    for _ in range(200_000):
        difficulty = rng.gauss(0.0, 1.5)
        first = 1 / (1 + exp(difficulty - better - rng.gauss(0.0, SPREAD)))
        total += first - 1 / (1 + exp(difficulty - rng.gauss(0.0, SPREAD)))
    return total / 200_000


@pytest.mark.parametrize(("runs", "size"), [(3, 1), (2, 1), (3, 5)])
def test_intervals_over_runs_and_items_hold_the_truth(runs: int, size: int) -> None:
    assert 1 - covered(200, runs=runs, size=size, seed=4) <= LEVEL


@pytest.mark.slow
@pytest.mark.parametrize("runs", [2, 3, 5, 10])
@pytest.mark.parametrize("size", [1, 5])
def test_intervals_hold_the_truth_in_many_studies(runs: int, size: int) -> None:
    assert 1 - covered(2000, runs=runs, size=size, seed=5) <= most(LEVEL, 2000)
