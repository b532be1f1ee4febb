"""Policies of the skill tree that ask no model: what they make of fixed states, and what holds of all of them."""

from __future__ import annotations

from typing import Any

import pytest

from dataenvgym_spec.gym.environments.skill_tree import SkillTreeState
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.language.components import built_in
from dataenvgym_spec.records.skills import Exploit, Explore
from tests.support.golden import assert_golden, component, make
from tests.support.trees import SKILLS, acts, environment, part, seen, states, tree, turn

KINDS = [
    kind
    for kind, item in built_in()["policy"].items()
    if item.serves.get("environment") == ("skill-tree",) and not item.parts
]


def defaults(kind: str) -> dict[str, Any]:
    options = built_in()["policy"][kind].schema["properties"]
    return {name: option["default"] for name, option in options.items() if "default" in option}


def act(kind: str, state: SkillTreeState, seed: int = 0, **options: Any) -> dict[str, Any]:
    policy = make("policy", component("policy", kind, **{**defaults(kind), **options}))
    moves: dict[str, Any] = policy.act(state, 90, Tools(seed=seed)).moves
    return moves


def test_the_policy_alternating_makes_what_its_number_says() -> None:
    made = acts(
        "alternating",
        {"new_subskills": 2, "increase": 0},
        {"new_subskills": 1, "increase": -5, "each": 7, "most_examples": 20},
    )
    assert_golden("policy", "alternating", {1: "d0cb2115b48812e9"}, made)


def test_the_policy_fill_balanced_makes_what_its_number_says() -> None:
    made = acts(
        "fill-balanced",
        {"new_subskills": 2, "most_subskills": 4, "most_examples": 20, "most_at_once": 8},
        {"new_subskills": 3, "most_subskills": 2, "most_examples": 5, "most_at_once": 9, "each": 3},
    )
    assert_golden("policy", "fill-balanced", {1: "ef17835b001a174f"}, made)


def test_the_policy_random_moves_makes_what_its_number_says() -> None:
    sizes = {"most_new": 3, "most_each": 10, "most_active": 4, "most_allocation": 30}
    assert_golden("policy", "random-moves", {1: "0bff05ceebca95a3"}, acts("random-moves", sizes))


def test_the_policy_threshold_makes_what_its_number_says() -> None:
    made = acts(
        "threshold",
        {"least_reward": 0.01, "increase": 10, "new_subskills": 5, "each": 10},
        {"least_reward": -0.5, "increase": -3, "new_subskills": 1, "each": 0},
    )
    assert_golden("policy", "threshold", {1: "33dbbb50a34adb84"}, made)


@pytest.mark.parametrize("kind", KINDS)
def test_every_skill_gets_a_possible_move_with_a_reason_and_the_seed_decides(kind: str) -> None:
    for state in states():
        for seed in range(3):
            made = make("policy", component("policy", kind, **defaults(kind)))
            first, again = (made.act(state, 90, Tools(seed=seed)) for _ in range(2))
            assert first == again
            assert set(first.moves) == set(first.reasons) == set(state.trees)
            if all(one.names[:1] != ("a",) for one in state.trees.values()):
                # Nothing that the environment would refuse.
                environment().complete(state, first, 90, Tools(seed=seed))


@pytest.mark.parametrize("kind", KINDS)
def test_a_loop_teaches_something_in_every_iteration(kind: str) -> None:
    """Also in every second one, in which the paper's alternating policy asks for nothing."""
    made, state = environment(), None
    policy = make("policy", component("policy", kind, **defaults(kind)))
    for number in range(4):
        before = made.observe(seen(), state)
        action = policy.act(before, 60, Tools(seed=number))
        action = made.complete(before, action, 60, Tools(seed=number))
        assert sum(one.count for one in action.requests) > 0
        state = made.advance(before, action, {})


def test_alternating_explores_and_exploits_in_turn() -> None:
    made, state, moves = environment(), None, []
    for number in range(4):
        before = made.observe(seen(), state)
        moves.append({type(move) for move in act("alternating", before, number).values()})
        state = turn(made, seen(), state, 90, **act("alternating", before, number))[2]
    assert moves == [{Explore}, {Exploit}, {Explore}, {Exploit}]


def test_the_papers_alternating_policy_is_one_by_its_options() -> None:
    """A large negative increase asks for nothing in every second plan; a skill that is full gets no more."""
    options = {"each": 10, "increase": -1000000, "most_examples": 20}
    made, state, amounts = environment(), None, []
    for _ in range(4):
        before = made.observe(seen(), state)
        _, requests, state = turn(made, seen(), state, 900, **act("alternating", before, **options))
        amounts.append(sum(request.count for request in requests))
    assert amounts == [60, 0, 0, 0]


def test_fill_balanced_goes_on_to_fill_where_nobody_proposes_more() -> None:
    dry = tree(part("a", 5, 5), move=Explore(count=2, allocation=5, subskills=("a",)), missing=1)
    state = SkillTreeState(trees={"sum": dry})
    made = act("fill-balanced", state, most_examples=12, most_at_once=30)
    assert made["sum"] == Exploit(delta={"a": 2})


def test_threshold_follows_the_reward_and_explores_where_it_is_undefined() -> None:
    rewarded = states()[3]
    assert [type(move) for move in act("threshold", rewarded).values()] == [Exploit, Explore, Explore]  # fmt: skip
    blind = states()[2]
    drawn = {tuple(type(move) for move in act("threshold", blind, seed).values()) for seed in range(20)}  # fmt: skip
    assert len(drawn) > 3


def test_new_subskills_share_the_amount_where_no_number_is_given() -> None:
    made = act("alternating", states()[0], new_subskills=2)
    assert made == dict.fromkeys(SKILLS, Explore(count=2, allocation=15))
