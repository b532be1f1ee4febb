"""The noise floor as numbers: what copies come to, and how often chance stays within it."""

from __future__ import annotations

from math import sqrt
from random import Random

import pytest

from dataenvgym_spec.results.evidence.floor import Floor, Spread
from dataenvgym_spec.results.evidence.tails import quantile


def spread(*scores: float, own: float = 0.5) -> Spread:
    return Spread(own=own, scores=scores, moved=(0.0,) * len(scores))


def floor(reevaluate: Spread | None = None, retrain: Spread | None = None) -> Floor:
    return Floor(
        arm="a", seed=0, iteration=1, split="selection", items=10, reevaluate=reevaluate,
        retrain=retrain, varied=(), not_measured=(),
    )  # fmt: skip


def test_a_student_is_one_draw_beside_its_copies() -> None:
    one = spread(0.6, 0.55)
    assert (one.n, one.low, one.high) == (2, pytest.approx(0.05), pytest.approx(0.1))
    assert one.sd == pytest.approx(0.05)


def test_what_was_not_measured_is_none_and_what_was_equal_is_zero() -> None:
    assert floor().difference() is None
    assert (floor().reevaluate_sd, floor().retrain_sd, floor().n) == (None, None, 0)
    equal = floor(spread(0.5, 0.5, 0.5))
    assert (equal.difference(), equal.reevaluate_sd, equal.retrain_sd) == (0.0, 0.0, None)
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
