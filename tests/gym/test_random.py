"""The policy `random`: what it makes of fixed states."""

from statistics import fmean, pvariance

import pytest

from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, states


def test_the_policy_random_makes_what_its_number_says() -> None:
    made = acts("random", *({"concentration": value} for value in (0.01, 1.0, 50.0)))
    assert_golden("policy", "random", {1: "c4e7ee623b925524"}, made)


@pytest.mark.parametrize("concentration", [0.2, 1.0, 20.0])
def test_shares_have_the_moments_of_the_dirichlet_distribution(concentration: float) -> None:
    state = states()[0]
    drawn = [
        allocation("random", state, seed=seed, concentration=concentration)["a"] / 100
        for seed in range(1500)
    ]
    # For k = 5 shares: mean 1/k, variance (1/k)(1 - 1/k) / (k * concentration + 1).
    variance = 0.2 * 0.8 / (5 * concentration + 1)
    assert fmean(drawn) == pytest.approx(0.2, abs=4 * (variance / 1500) ** 0.5)
    assert pvariance(drawn) == pytest.approx(variance, rel=0.2)


def test_it_looks_at_nothing_but_the_seed() -> None:
    for seed in range(3):
        made = [allocation("random", state, seed=seed, concentration=1.0) for state in states()]
        assert made == [made[0]] * len(made)


def test_shares_too_small_for_a_float_leave_one_skill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.Random.gammavariate", lambda self, alpha, beta: 0.0)
    made = allocation("random", states()[0], concentration=0.01)
    assert sorted(made.values()) == [0, 0, 0, 0, 100]
