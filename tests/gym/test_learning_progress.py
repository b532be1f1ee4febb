"""The policy `learning-progress`: what it makes of fixed states."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import SkillListState
from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, scores, states, step

OPTIONS = {"exploration": 0.2, "prior_items": 20}
TAUGHT = (step({"a": 9, "b": 9}, a=0.1, b=0.5, c=0.0, d=0.0),)
NOW = scores(a=0.4, b=0.4, c=0.7, d=0.0)


def test_the_policy_learning_progress_makes_what_its_number_says() -> None:
    made = acts("learning-progress", OPTIONS, {"exploration": 0.0, "prior_items": 5})
    assert_golden("policy", "learning-progress", {1: "549dabe0c0e16967"}, made)


def test_what_moved_is_taught_up_or_down_and_what_is_unknown_is_explored() -> None:
    state = SkillListState(skills=("a", "b", "c", "d"), scores=NOW, history=TAUGHT)
    # `c` moved as well, but nobody taught it: its change is as unknown as that of `d`.
    made = allocation("learning-progress", state, **OPTIONS)
    assert made == {"a": 60, "b": 20, "c": 10, "d": 10}
    greedy = allocation("learning-progress", state, **{**OPTIONS, "exploration": 0.0})
    assert greedy == {"a": 75, "b": 25, "c": 0, "d": 0}


def test_where_all_is_known_all_are_explored_and_where_nothing_is_all_share() -> None:
    known = SkillListState(skills=("a", "b"), scores=scores(a=0.1, b=0.9), history=TAUGHT)
    assert allocation("learning-progress", known, **OPTIONS) == {"a": 10, "b": 90}
    first = SkillListState(skills=("a", "b"), scores=scores(a=0.1, b=0.9))
    assert allocation("learning-progress", first, **OPTIONS) == {"a": 50, "b": 50}
    still = SkillListState(skills=("a", "b"), scores=scores(a=0.1, b=0.5), history=TAUGHT)
    assert allocation("learning-progress", still, **OPTIONS) == {"a": 50, "b": 50}


def test_only_the_latest_change_of_a_skill_counts() -> None:
    history = (*TAUGHT, step({"a": 9}, a=0.4, b=0.4))
    state = SkillListState(skills=("a", "b"), scores=scores(a=0.4, b=0.4), history=history)
    made = allocation("learning-progress", state, **OPTIONS)
    assert made == {"a": 10, "b": 90}


def test_changes_of_few_items_are_shrunk() -> None:
    few = NOW["a"].__class__(accuracy=0.4, items=2)
    state = SkillListState(skills=("a", "b"), scores={**NOW, "a": few}, history=TAUGHT)
    plain = allocation("learning-progress", state, exploration=0.0, prior_items=0)
    shrunk = allocation("learning-progress", state, exploration=0.0, prior_items=20)
    assert plain == {"a": 75, "b": 25}
    # 0.3 * 2 / 22 against 0.1 * 20 / 40.
    assert shrunk == {"a": 35, "b": 65}


def test_states_without_scores_are_blind() -> None:
    assert allocation("learning-progress", states()[6], **OPTIONS) == dict.fromkeys("abcde", 20)
