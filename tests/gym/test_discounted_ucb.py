"""The policy `discounted-ucb`: what it makes of fixed states."""

from __future__ import annotations

from math import log, sqrt

import pytest

from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.gym.tools import Tools
from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, policy, scores, states, step

OPTIONS = {"arms_per_step": 1, "discount": 0.5, "exploration": 0.1, "prior_items": 20}
HISTORY = (
    step({"a": 9}, a=0.0, b=0.0, c=0.0),
    step({"b": 9}, a=0.6, b=0.0, c=0.0),
    step({"a": 9}, a=0.6, b=0.3, c=0.0),
)
STATE = SkillListState(skills=("a", "b"), scores=scores(a=0.5, b=0.3), history=HISTORY)


def _picked(state: SkillListState, seed: int = 0, **options: float) -> set[str]:
    return set(allocation("discounted-ucb", state, seed=seed, **{**OPTIONS, **options}))


def test_the_policy_discounted_ucb_makes_what_its_number_says() -> None:
    many = {"arms_per_step": 3, "discount": 0.9, "exploration": 0.1, "prior_items": 20}
    assert_golden(
        "policy", "discounted-ucb", {1: "32760e9d2da730ea"}, acts("discounted-ucb", OPTIONS, many)
    )


def test_the_index_is_that_of_the_paper() -> None:
    made = policy("discounted-ucb", **{**OPTIONS, "arms_per_step": 2})
    reasons = made.act(STATE, 10, Tools(seed=0)).reasons
    # Changes of 20 items are halved by a prior of 20: +0.3 and -0.05 of `a`, +0.15 of `b`.
    plays = {"a": 1 + 0.25, "b": 0.5}
    means = {"a": (0.25 * 0.3 + 1 * -0.05) / 1.25, "b": 0.15}
    for skill, count in plays.items():
        index = means[skill] + 0.1 * sqrt(log(1.75) / count)
        assert reasons[skill].startswith(f"index {index:.4f}: mean change {means[skill]:+.4f}")


def test_what_was_never_picked_comes_first_and_the_seed_says_in_which_order() -> None:
    state = SkillListState(skills=("a", "b", "c"), scores=scores(a=0, b=0, c=0), history=HISTORY)
    assert all(_picked(state, seed) == {"c"} for seed in range(5))
    first = SkillListState(skills=("a", "b", "c"), scores=scores(a=0, b=0, c=0))
    assert {skill for seed in range(20) for skill in _picked(first, seed)} == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("options", "picked"),
    [
        ({"discount": 0.5, "exploration": 0.0}, {"b"}),
        # Forgetting nothing, the mean change of `a` is 0.125 after shrinking, that of `b` is 0.15.
        ({"discount": 1.0, "exploration": 0.0}, {"b"}),
        ({"discount": 1.0, "exploration": 0.0, "prior_items": 0}, {"b"}),
        ({"discount": 1.0, "exploration": 10.0}, {"b"}),
        ({"arms_per_step": 2}, {"a", "b"}),
        ({"arms_per_step": 5}, {"a", "b"}),
    ],
)
def test_it_picks_what_gained_or_what_was_seldom_tried(
    options: dict[str, float], picked: set[str]
) -> None:
    assert _picked(STATE, **options) == picked


def test_what_gained_long_ago_is_forgotten() -> None:
    history = (step({"a": 9}, a=0.0, b=0.0), *([step({"b": 9}, a=0.8, b=0.0)] * 3))
    later = (*history, step({"a": 9}, a=0.8, b=0.1))
    state = SkillListState(skills=("a", "b"), scores=scores(a=0.8, b=0.1), history=later)
    assert _picked(state, discount=1.0, exploration=0.0) == {"a"}
    assert _picked(state, discount=0.3, exploration=0.0) == {"b"}


def test_a_skill_that_is_not_measured_is_no_arm() -> None:
    for state in states()[2:5]:
        assert "e" not in _picked(state, arms_per_step=5)


def test_a_large_bonus_picks_what_was_seldom_tried() -> None:
    history = [step({"b": 9}, a=0.0, b=0.0)]
    history += [step({"a": 9}, a=mark, b=0.0) for mark in (0.0, 0.2, 0.4)]
    state = SkillListState(skills=("a", "b"), scores=scores(a=0.6, b=0), history=tuple(history))
    assert _picked(state, exploration=0.0) == {"a"}
    assert _picked(state, exploration=10.0) == {"b"}
