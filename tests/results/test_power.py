"""The power that `plan` promises is the power that simulated studies have."""

from __future__ import annotations

import random
from math import sqrt

import pytest

from dataenvgym_spec.results.evidence.answers import Answers, Sides
from dataenvgym_spec.results.evidence.contrasts import weigh
from dataenvgym_spec.results.evidence.power import Design, detectable, power


def found(design: Design, difference: float, studies: int, seed: int) -> float:
    """How often a true difference is found: the tests are the report's, on answers drawn by the design."""
    rng, times = random.Random(seed), 0
    for _ in range(studies):
        sides = {run: _run(design, difference, rng) for run in range(design.runs)}
        times += weigh(sides).p < design.alpha
    return times / studies


def _run(design: Design, difference: float, rng: random.Random) -> Sides:
    """Two students that differ in some items: in so many more one way as is true of this run."""
    own = difference + rng.gauss(0.0, design.run_deviation)
    gained = (design.discordance + own) / 2
    first, second = {}, {}
    for item in map(str, range(design.units)):
        draw = rng.random()
        first[item] = draw < gained
        second[item] = gained <= draw < design.discordance
    alone = {item: item for item in first}
    return Sides(
        first=Answers(right=first, clusters=alone), second=Answers(right=second, clusters=alone)
    )


DESIGNS = [
    Design(units=200, runs=1, alpha=0.05, discordance=0.3),
    Design(units=100, runs=3, alpha=0.05, discordance=0.3),
    Design(units=100, runs=5, alpha=0.05 / 3, discordance=0.3, run_deviation=0.03),
    Design(units=60, runs=8, alpha=0.05, discordance=0.3, run_deviation=0.03),
]


@pytest.mark.parametrize("design", DESIGNS)
def test_the_difference_that_is_called_detectable_is_found_as_often_as_said(design: Design) -> None:
    least = detectable(design)
    assert least is not None and least < design.discordance
    studies = 400
    # The normal approximation of few items is off by some points; the rest is chance.
    bound = 0.05 + 3 * sqrt(0.8 * 0.2 / studies)
    assert found(design, least, studies, seed=1) == pytest.approx(0.8, abs=bound)


@pytest.mark.slow
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("part", [0.5, 0.8, 1.2])
def test_other_differences_are_found_as_often_as_said(design: Design, part: float) -> None:
    least = detectable(design)
    assert least is not None
    difference, studies = part * least, 1500
    bound = 0.05 + 3 * sqrt(0.25 / studies)
    said = power(design, difference)
    assert found(design, difference, studies, seed=2) == pytest.approx(said, abs=bound)


def test_more_items_and_runs_find_less_and_more_contrasts_find_more() -> None:
    base = Design(units=200, runs=3, alpha=0.05, discordance=0.2)
    least = [
        detectable(Design(units=units, runs=runs, alpha=alpha, discordance=0.2))
        for units, runs, alpha in (
            (2000, 10, 0.05),
            (2000, 3, 0.05),
            (200, 3, 0.05),
            (200, 3, 0.025),
            (200, 3, 0.005),
        )
    ]
    assert least == sorted(least) and len(set(least)) == 5
    # Runs that agree by chance are not believed, so that the level is held with something to spare.
    assert 0.005 < power(base, 0.0) <= 0.05
    assert power(Design(units=200, runs=1, alpha=0.05, discordance=0.2), 0.0) == pytest.approx(
        0.05, abs=0.002
    )
    assert power(base, 0.9) > 0.99


def test_too_small_a_design_finds_nothing() -> None:
    assert detectable(Design(units=3, runs=1, alpha=0.005, discordance=0.2)) is None
    noisy = Design(units=50, runs=2, alpha=0.001, discordance=0.2, run_deviation=0.05)
    assert detectable(noisy) is None
