"""The policy `thompson`: what it makes of fixed states."""

from __future__ import annotations

from statistics import NormalDist

import pytest

from dataenvgym_spec.gym.environments.skill_list import SkillListState
from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, scores, states, step

OPTIONS = {"arms_per_step": 1, "discount": 0.5, "prior_items": 20}
HISTORY = (step({"a": 9, "b": 9}, a=0.1, b=0.0), step({"b": 9}, a=0.4, b=0.2))
STATE = SkillListState(skills=("a", "b"), scores=scores(a=0.4, b=0.3), history=HISTORY)


def test_the_policy_thompson_makes_what_its_number_says() -> None:
    many = {"arms_per_step": 3, "discount": 0.9, "prior_items": 20}
    assert_golden("policy", "thompson", {1: "5d0085ae146b9597"}, acts("thompson", OPTIONS, many))


@pytest.mark.parametrize("prior", [5, 20, 200])
@pytest.mark.parametrize("discount", [0.5, 1.0])
def test_a_skill_is_picked_as_often_as_its_change_is_believed_to_be_largest(
    prior: int, discount: float
) -> None:
    options = {**OPTIONS, "prior_items": prior, "discount": discount}
    picks = [set(allocation("thompson", STATE, seed=seed, **options)) for seed in range(1200)]
    one = 20 * discount
    a = NormalDist(one * 0.3 / (prior + one), (1 / (2 * (prior + one))) ** 0.5)
    b = NormalDist(
        (one * 0.2 + 20 * 0.1) / (prior + one + 20), (1 / (2 * (prior + one + 20))) ** 0.5
    )
    likely = 1 - (a - b).cdf(0)
    assert picks.count({"a"}) / 1200 == pytest.approx(likely, abs=4 * (0.25 / 1200) ** 0.5)
    assert picks.count({"a"}) + picks.count({"b"}) == 1200


def test_several_arms_share_equally_and_unmeasured_skills_are_none() -> None:
    for state in states()[2:6]:
        made = allocation("thompson", state, **{**OPTIONS, "arms_per_step": 2})
        assert list(made.values()) == [50, 50]
    for state in states()[2:5]:
        assert set(allocation("thompson", state, **{**OPTIONS, "arms_per_step": 9})) == set("abcd")
