"""What holds of every policy that shares an amount among skills, whatever it sees."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.components import built_in
from dataenvgym_spec.records.plans import Step
from tests.support.states import SKILLS, policy, states

KINDS = [
    kind
    for kind, item in built_in()["policy"].items()
    if item.serves.get("environment") == ("skill-list",) and not item.reads and not item.parts
]
DRAWN = ("random",)
"""Policies that draw also where they see nothing."""
NAMES = st.sampled_from(SKILLS)
COUNTS = st.dictionaries(NAMES, st.integers(0, 30))
MARKS = st.dictionaries(NAMES, st.integers(0, 20).map(lambda right: right / 20))
STEPS = st.builds(
    Step,
    allocation=COUNTS,
    reasons=st.just({}),
    scores=st.none() | MARKS,
    shortfall=st.none() | COUNTS,
)
STATES = st.builds(
    SkillListState,
    skills=st.permutations(SKILLS).map(tuple),
    scores=st.none()
    | MARKS.map(
        lambda marks: {name: SkillScore(accuracy=mark, items=20) for name, mark in marks.items()}
    ),
    history=st.lists(STEPS, max_size=5).map(tuple),
)


def _act(kind: str, state: SkillListState, budget: int, seed: int = 0) -> Allocation:
    made: Allocation = policy(kind, **_defaults(kind)).act(state, budget, Tools(seed=seed))
    return made


def _defaults(kind: str) -> dict[str, object]:
    properties = built_in()["policy"][kind].schema["properties"]
    return {name: option["default"] for name, option in properties.items()}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(state=STATES, budget=st.integers(0, 300), seed=st.integers(0, 9))
def test_the_whole_amount_is_shared_among_skills_with_a_reason_for_each(
    kind: str, state: SkillListState, budget: int, seed: int
) -> None:
    made = _act(kind, state, budget, seed)
    assert sum(made.allocation.values()) == budget
    assert min(made.allocation.values()) >= 0
    assert set(made.reasons) == set(made.allocation) <= set(state.skills)
    again = _act(kind, state, budget, seed)
    assert (again.allocation, again.reasons) == (made.allocation, made.reasons)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", [state for state in states() if state.scores is None])
def test_without_a_state_amounts_are_equal_or_drawn(kind: str, state: SkillListState) -> None:
    made = _act(kind, state, 103)
    if kind in DRAWN:
        assert made.allocation != _act(kind, state, 103, seed=1).allocation
    else:
        assert made.allocation == {"a": 21, "b": 21, "c": 21, "d": 20, "e": 20}
