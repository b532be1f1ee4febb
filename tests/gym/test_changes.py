"""What teaching a skill was followed by, as policies reckon it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.gym.policies.changes import changes, requested
from dataenvgym_spec.records.plans import Step, Yield
from tests.support.states import scores, step


def _ages(state: SkillListState) -> dict[str, list[tuple[int, float]]]:
    found = changes(state)
    return {skill: [(one.age, round(one.change, 6)) for one in found[skill]] for skill in found}


def test_a_change_is_what_a_skill_gained_from_the_plan_that_taught_it_to_the_next() -> None:
    history = (
        step({"a": 5, "b": 5}, a=0.1, b=0.5),
        step({"a": 5}, a=0.4, b=0.4),
        step({"b": 5}, a=0.5, b=0.4),
    )
    state = SkillListState(skills=("a", "b"), scores=scores(a=0.9, b=0.6), history=history)
    # `a` rose from 0.5 to 0.9 while it was not taught: that is nothing that teaching it brought.
    assert _ages(state) == {"a": [(1, 0.1), (2, 0.3)], "b": [(0, 0.2), (2, -0.1)]}
    assert {one.items for each in changes(state).values() for one in each} == {20}
    assert requested(state) == {"a": (1, 2), "b": (0, 2)}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (step({"a": 0}, a=0.1), scores(a=0.5)),
        (step({}, a=0.1), scores(a=0.5)),
        (step({"a": 5}), scores(a=0.5)),
        (step({"a": 5}, b=0.1), scores(a=0.5)),
    ],
    ids=["asked for nothing", "not asked for", "nothing seen before", "not measured before"],
)
def test_a_change_is_undefined_for_what_was_not_taught_or_not_measured(
    before: Step, now: dict[str, SkillScore]
) -> None:
    assert _ages(SkillListState(skills=("a",), scores=now, history=(before,))) == {"a": []}


def test_what_is_not_measured_now_has_no_change() -> None:
    history = (step({"a": 5, "b": 5}, a=0.1, b=0.1),)
    state = SkillListState(skills=("a", "b"), scores=scores(b=0.2), history=history)
    assert _ages(state) == {"b": [(0, 0.1)]}
    assert _ages(SkillListState(skills=("a", "b"), history=history)) == {}


def test_a_skill_that_the_engine_made_nothing_of_was_not_taught() -> None:
    history = (step({"a": 5, "b": 5}, a=0.1, b=0.1), step({"a": 5, "b": 5}, {"a": 5}, a=0.2, b=0.2))
    yields = {"a": Yield(requested=5, accepted=1), "b": Yield(requested=5, accepted=0)}
    state = SkillListState(
        skills=("a", "b"), scores=scores(a=0.3, b=0.3), yields=yields, history=history
    )
    assert _ages(state) == {"a": [(0, 0.1)], "b": [(1, 0.1)]}


def test_rounds_of_one_iteration_have_one_change_together() -> None:
    history = (
        step({"a": 5}, a=0.1, b=0.5, c=0.5),
        replace(step({"b": 5}, a=0.1, b=0.5, c=0.5), agent_round=2),
        step({"c": 5}, a=0.4, b=0.6, c=0.5),
    )
    now = {"skills": ("a", "b", "c"), "scores": scores(a=0.4, b=0.6, c=0.5)}
    # A later plan for the same student: what the plan before it taught is not measured yet.
    later = SkillListState(**now, history=history, agent_round=2)
    assert _ages(later) == {"a": [(1, 0.3)], "b": [(1, 0.1)], "c": []}
    assert requested(later) == {"a": (2,), "b": (1,), "c": (0,)}
    after = SkillListState(
        skills=("a", "b", "c"), scores=scores(a=0.4, b=0.5, c=0.9), history=history
    )
    assert _ages(after) == {"a": [(1, 0.3)], "b": [(1, 0.1)], "c": [(0, 0.4)]}


def test_a_skill_that_one_round_got_nothing_of_may_be_taught_by_another() -> None:
    history = (
        step({"a": 5, "b": 5}, a=0.1, b=0.1),
        replace(step({"a": 5, "b": 0}, {"a": 5, "b": 5}, a=0.1, b=0.1), agent_round=2),
    )
    given = {"a": Yield(requested=5, accepted=3)}
    state = SkillListState(
        skills=("a", "b"), scores=scores(a=0.3, b=0.3), yields=given, history=history
    )
    assert _ages(state) == {"a": [(0, 0.2)], "b": []}
