"""The noise floor as numbers: what copies come to, and how often chance stays within it."""

from __future__ import annotations

from math import sqrt
from random import Random

import numpy as np
import pytest

from dataenvgym_spec.results.evidence.floor import Drawing, Floor, Spread
from dataenvgym_spec.results.evidence.tails import quantile

DRAWN = Drawing(0.7)


def spread(*scores: float, own: float = 0.5) -> Spread:
    return Spread(own=own, scores=scores, moved=(0.0,) * len(scores))


def floor(
    reevaluate: Spread | None = None, retrain: Spread | None = None, *, drawn: bool = False
) -> Floor:
    return Floor(
        arm="a", seed=0, iteration=1, split="selection", items=10, reevaluate=reevaluate,
        retrain=retrain, varied=(), not_measured=(), drawing=DRAWN if drawn else None,
    )  # fmt: skip


def test_a_student_is_one_draw_beside_its_copies() -> None:
    one = spread(0.6, 0.55)
    assert (one.n, one.low, one.high) == (2, pytest.approx(0.05), pytest.approx(0.1))
    assert one.sd == pytest.approx(0.05)


def test_what_was_not_measured_is_none_and_what_was_equal_is_zero() -> None:
    assert floor().difference() is None
    assert (floor().reevaluate_sd, floor().retrain_sd, floor().n) == (None, None, 0)
    # Evaluations that came out equal say nothing of what trainings vary.
    equal = floor(spread(0.5, 0.5, 0.5))
    assert (equal.difference(), equal.reevaluate_sd, equal.retrain_sd) == (None, 0.0, None)
    assert equal.difference(second=False) is None
    assert equal.difference(first=False, second=False) == 0.0
    assert floor(spread(0.5, 0.5), spread(0.5, 0.5)).difference() == 0.0
    # Of the untaught student only its evaluation can be done again.
    taught = floor(retrain=spread(0.6, 0.4))
    assert taught.difference() is not None
    assert taught.difference(second=False) is None
    both = floor(spread(0.5, 0.5), spread(0.6, 0.4))
    assert both.difference(second=False) == pytest.approx(quantile(0.05, 2) * 0.1)
    assert both.difference(first=False, second=False) == 0


def test_a_mean_over_runs_varies_less() -> None:
    one = floor(retrain=spread(0.6, 0.4, 0.5))
    single = one.difference()
    assert single is not None
    assert one.difference(4) == pytest.approx(single / 2)
    assert single == pytest.approx(quantile(0.05, 3) * sqrt(2) * spread(0.6, 0.4, 0.5).sd)


def test_the_base_is_one_student_in_all_runs() -> None:
    """What chance does to its answers is in every difference, and no mean takes it away."""
    one = floor(spread(0.5, 0.52), spread(0.6, 0.4))
    base, taught = spread(0.5, 0.52).sd, spread(0.6, 0.4).sd
    expected = quantile(0.05, 2) * sqrt(taught**2 / 5 + base**2)
    assert one.difference(5, second=False) == pytest.approx(expected)
    assert one.difference(5, first=False) == pytest.approx(expected)
    bases = one.difference(5, first=False, second=False)
    assert bases == one.difference(first=False, second=False)
    assert bases == pytest.approx(quantile(0.05, 2) * sqrt(2) * base)


def test_drawn_answers_of_the_base_are_others_in_each_run() -> None:
    one = floor(spread(0.5, 0.52), spread(0.6, 0.4), drawn=True)
    base, taught = spread(0.5, 0.52).sd, spread(0.6, 0.4).sd
    expected = quantile(0.05, 2) * sqrt((taught**2 + base**2) / 5)
    assert one.difference(5, second=False) == pytest.approx(expected)
    assert one.difference(5, first=False) == pytest.approx(expected)


@pytest.mark.parametrize("taught", [True, False])
def test_what_other_draws_move_no_copy_has_shown(taught: bool) -> None:
    """A floor of greedy students is often 0, and beside one that draws its answers it would call chance an effect."""
    both = spread(0.5, 0.52), spread(0.6, 0.4)
    greedy, drawn = (floor(*both, drawn=drawn) for drawn in (False, True))
    for second in (DRAWN, Drawing(1.0), Drawing(0.7, samples=4)):
        assert greedy.difference(first=taught, second=taught, drawings=(None, second)) is None
        assert greedy.difference(first=taught, second=taught, drawings=(second, None)) is None
        known = drawn.difference(first=taught, second=taught, drawings=(second, None))
        assert (known is not None) is (second == DRAWN)
    assert greedy.difference(drawings=(None, None)) == greedy.difference()


def test_only_the_base_that_draws_its_answers_has_others_in_each_run() -> None:
    one, sd = floor(spread(0.5, 0.52), drawn=True), spread(0.5, 0.52).sd
    for drawings, parts in (((DRAWN, None), 1 / 5 + 1), ((None, None), 2), ((DRAWN, DRAWN), 2 / 5)):
        said = one.difference(5, first=False, second=False, drawings=drawings)
        assert said == pytest.approx(quantile(0.05, 2) * sd * sqrt(parts))


def test_fewer_items_than_were_copied_vary_more_and_more_items_not_less() -> None:
    one = floor(spread(0.6, 0.4), spread(0.7, 0.3))
    for second in (True, False):
        copied = one.difference(3, second=second)
        assert copied is not None
        assert one.difference(3, items=10, second=second) == copied
        assert one.difference(3, items=400, second=second) == copied
        assert one.difference(3, items=5, second=second) == pytest.approx(copied * sqrt(2))


@pytest.mark.parametrize("copies", [3, 40])
@pytest.mark.parametrize(("runs", "drawn"), [(1, False), (5, False), (5, True)])
def test_chance_stays_within_the_floor_of_a_student_less_the_base(
    copies: int, runs: int, drawn: bool
) -> None:
    """Students of five runs less one base: divided by the runs, the floor of many copies would hold in 3 of 4 cases.

    Where each run draws the base's answers anew, a floor that is not divided would always hold.
    """
    studies, sd = 1500, 0.02
    rng = np.random.default_rng(copies + runs)
    copied = rng.normal(0.5, sd, (2, studies, copies + 1))
    taught = rng.normal(0.5, sd, (studies, runs)).mean(axis=1)
    differences = taught - rng.normal(0.5, sd, (studies, runs if drawn else 1)).mean(axis=1)
    within = 0
    for again, trained, difference in zip(*copied.tolist(), differences.tolist(), strict=True):
        spreads = (spread(*scores[1:], own=scores[0]) for scores in (again, trained))
        measured = floor(*spreads, drawn=drawn).difference(runs, second=False)
        assert measured is not None
        within += abs(difference) <= measured
    # Three standard errors below what is said, and not so wide that it would say nothing.
    assert 0.933 <= within / studies <= 0.985


def test_answers_that_move_one_by_one_stay_within_the_floor_of_fewer_items() -> None:
    """Copies of 120 items, differences on 30: unscaled, the floor would hold in two of three cases."""
    studies, copies, runs = 1500, 8, 3
    rng = np.random.default_rng(7)
    scores = rng.binomial(120, 0.7, (studies, copies + 1)) / 120
    pairs = rng.binomial(30, 0.7, (2, studies, runs)).mean(axis=2) / 30
    within = 0
    for own, difference in zip(scores.tolist(), (pairs[0] - pairs[1]).tolist(), strict=True):
        one = Floor(
            arm="a", seed=0, iteration=1, split="selection", items=120, reevaluate=None,
            retrain=spread(*own[1:], own=own[0]), varied=(), not_measured=(),
        )  # fmt: skip
        measured = one.difference(runs, items=30)
        assert measured is not None
        within += abs(difference) <= measured
    assert 0.933 <= within / studies <= 0.967


@pytest.mark.parametrize("copies", [1, 3, 8])
def test_chance_stays_within_the_floor_as_often_as_is_said(copies: int) -> None:
    """Students whose scores are normal about one mean: 95 of 100 differences, of one run or of a mean over three."""
    rng = Random(copies)
    for runs in (1, 3):
        within = 0
        for _ in range(4000):
            scores = [rng.gauss(0.5, 0.02) for _ in range(copies + 1)]
            measured = floor(retrain=spread(*scores[1:], own=scores[0])).difference(runs)
            pairs = [rng.gauss(0.5, 0.02) - rng.gauss(0.5, 0.02) for _ in range(runs)]
            assert measured is not None
            within += abs(sum(pairs) / runs) <= measured
        # Three standard errors of a share of 4000.
        assert within / 4000 == pytest.approx(0.95, abs=0.0104)
