"""The skill tree: what moves do to trees, what is asked for, and what teaching is said to have brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.environments.rewards import paired, plain
from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.proposers.protocol import Wanted
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.skills import Exploit, Explore
from tests.support.golden import assert_golden
from tests.support.trees import SKILLS, environment, seen, turn

FIRST = Explore(count=2, allocation=10)


def amounts(requests: Sequence[Any]) -> dict[str, int]:
    return {request.id: request.count for request in requests}


def test_the_environment_skill_tree_makes_what_its_number_says() -> None:
    made, record = environment(), []
    state = None
    for number, moves in enumerate(
        [
            {"sum": FIRST, "gcd": Explore(count=9, allocation=3)},
            {"sum": Exploit(delta={"sum 1": -99, "sum 2": 4}), "lcm": FIRST},
            {},
        ]
    ):
        marks = {"sum": [1] * number + [0] * (9 - number), "gcd": [0, 1, 0, 1], "lcm": []}
        yields = None if state is None else {"sum / sum 1": (10, 7), "gcd / gcd 2": (3, 3)}
        state, requests, after = turn(made, seen(marks, yields, by=str(number)), state, 31, **moves)
        record += [state.plain(), [one.plain() for one in requests], after.plain()]
        state = after
    blind = turn(made, seen(), None, 31, sum=FIRST)
    record += [blind[0].plain(), [one.plain() for one in blind[1]], blind[2].plain()]
    assert_golden("environment", "skill-tree", {1: "2bcb904942bc572a"}, record)


def test_exploring_adds_subskills_and_keeps_what_the_others_are_allocated() -> None:
    made = environment()
    _, first, state = turn(made, seen(), None, 100, sum=FIRST)
    assert amounts(first) == {"sum / sum 1": 10, "sum / sum 2": 10}
    _, second, state = turn(made, seen(), state, 100, sum=Explore(count=1, allocation=4))
    assert amounts(second) == {"sum / sum 3": 4, "sum / sum 1": 10, "sum / sum 2": 10}
    tree = state.trees["sum"]
    assert [(one.name, one.allocation, one.requested) for one in tree.subskills] == [
        ("sum 1", 10, 20), ("sum 2", 10, 20), ("sum 3", 4, 4),
    ]  # fmt: skip
    assert [request.subskill for request in second] == ["sum 3", "sum 1", "sum 2"]


def test_exploiting_adds_to_allocations_and_never_falls_below_nothing() -> None:
    made = environment()
    _, _, state = turn(made, seen(), None, 100, sum=FIRST)
    _, requests, state = turn(
        made, seen(), state, 100, sum=Exploit(delta={"sum 1": -11, "sum 2": 5})
    )
    assert amounts(requests) == {"sum / sum 2": 15}
    assert [one.allocation for one in state.trees["sum"].subskills] == [0, 15]
    _, requests, _ = turn(made, seen(), state, 100, sum=Exploit(delta={"sum 1": 2}))
    assert amounts(requests) == {"sum / sum 1": 2, "sum / sum 2": 15}


def test_a_skill_without_a_move_is_taught_on() -> None:
    made = environment()
    _, _, state = turn(made, seen(), None, 100, sum=FIRST)
    _, requests, state = turn(made, seen(), state, 100)
    assert amounts(requests) == {"sum / sum 1": 10, "sum / sum 2": 10}
    assert state.trees["sum"].move is None


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ({"sun": FIRST}, ("'sun'", "did you mean 'sum'?")),
        ({"sum": Exploit(delta={"sum 9": 1})}, ("'sum 9'", "'sum'", "sum 1")),
    ],
)
def test_a_move_of_what_there_is_not_is_an_error_with_its_place(
    moves: Any, words: Sequence[str]
) -> None:
    made = environment()
    _, _, state = turn(made, seen(), None, 100, sum=FIRST)
    with pytest.raises(StageError) as told:
        turn(made, seen(), state, 100, **moves)
    assert all(word in f"{told.value} {told.value.help}" for word in words)


class Repeating:
    """Proposes names that are there, in other case and spaces, and a new one in the n-th answer."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self.answers, self.asked = answers, list[Wanted]()

    def propose(self, wanted: Sequence[Wanted], tools: Tools) -> Mapping[str, Sequence[str]]:
        self.asked += wanted
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return {one.skill: answer for one in wanted}


def test_duplicates_are_rejected_and_asked_for_again_a_bounded_number_of_times() -> None:
    proposer = Repeating([["Carrying", " carry ing", "", "x" * 300], ["CARRYING", "zeros\n first"]])
    made = environment(proposer, proposals=4)
    _, requests, state = turn(made, seen(), None, 100, sum=Explore(count=3, allocation=1))
    assert amounts(requests) == {"sum / Carrying": 1, "sum / zeros first": 1}
    assert [one.count for one in proposer.asked] == [3, 2, 1, 1]
    assert proposer.asked[-1].present == ("Carrying", "zeros first")
    assert state.trees["sum"].missing == 1


def test_a_policy_may_name_subskills_itself_and_the_rest_is_proposed() -> None:
    given = Explore(count=2, allocation=3, subskills=("own", " OWN"))
    _, requests, _ = turn(environment(), seen(), None, 100, sum=given)
    assert amounts(requests) == {"sum / own": 3, "sum / sum 1": 3}


def test_what_the_amount_does_not_reach_is_known_and_comes_first_the_next_time() -> None:
    made = environment()
    _, requests, state = turn(made, seen(), None, 45, **dict.fromkeys(SKILLS, FIRST))
    # The first subskill of every skill before the second of any.
    assert amounts(requests) == {
        "sum / sum 1": 10, "gcd / gcd 1": 10, "lcm / lcm 1": 10, "sum / sum 2": 10, "gcd / gcd 2": 5,
    }  # fmt: skip
    assert {skill: tree.cut for skill, tree in state.trees.items()} == {
        "sum": 0, "gcd": 5, "lcm": 10,
    }  # fmt: skip
    _, requests, _ = turn(made, seen(), state, 45)
    assert [*amounts(requests)][:2] == ["lcm / lcm 2", "gcd / gcd 2"]


def test_accepted_examples_are_counted_only_where_yields_are_seen() -> None:
    made = environment()
    _, _, after = turn(made, seen(), None, 100, sum=FIRST)
    state = made.observe(seen(yields={"sum / sum 1": (10, 7)}), after)
    assert [one.accepted for one in state.trees["sum"].subskills] == [7, 0]
    assert [one.accepted for one in made.observe(seen(), after).trees["sum"].subskills] == [None, None]  # fmt: skip


def test_a_state_survives_being_written() -> None:
    made = environment()
    _, _, after = turn(made, seen({"sum": [1, 0], "gcd": [1]}, by="one"), None, 30, sum=FIRST)
    assert SkillTreeState.parse(after.plain()) == after
    action = SkillTreeAction(moves={"sum": FIRST, "gcd": Exploit(delta={"gcd 1": 2})})
    assert action.plain()["moves"]["gcd"] == {"kind": "exploit", "delta": {"gcd 1": 2}}
    assert SkillTreeAction.parse(action.plain()) == action


# --- rewards ------------------------------------------------------------------------------------


def rewards(state: SkillTreeState) -> dict[str, float | None]:
    return {skill: tree.reward for skill, tree in state.trees.items()}


def taught(made: Any, before: Any, after: Any, **yields: tuple[int, int]) -> SkillTreeState:
    """What is seen after one plan that explored the skill `sum`."""
    _, _, memory = turn(made, seen(before, by="a"), None, 100, sum=Explore(count=1, allocation=10))
    state: SkillTreeState = made.observe(seen(after, yields or None, by="b"), memory)
    return state


def test_a_reward_is_the_shrunk_change_less_that_of_the_untaught() -> None:
    before = {"sum": [0, 0, 0, 1], "gcd": [0, 1], "lcm": [0, 0]}
    after = {"sum": [1, 1, 1, 0], "gcd": [1, 1], "lcm": [0, 0]}
    state = taught(environment(prior_items=4.0), before, after)
    assert rewards(state) == {"sum": pytest.approx(2 / 8 - (1 / 6 + 0) / 2), "gcd": None, "lcm": None}  # fmt: skip
    tree = state.trees["sum"]
    assert tree.score is not None and (tree.score.accuracy, tree.score.items) == (0.75, 4)
    assert tree.interval == tree.score.interval


def test_a_reward_is_undefined_and_not_zero_where_nothing_was_taught_or_measured() -> None:
    made = environment()
    same = {"sum": [0, 1], "gcd": [1]}
    # Nothing accepted: not taught. No hidden items: not measured. At first: nothing to compare with.
    assert rewards(taught(made, same, same, other=(1, 1)))["sum"] is None
    assert rewards(taught(made, {"gcd": [1]}, same))["sum"] is None
    assert rewards(taught(made, same, {"gcd": [1]}))["sum"] is None
    assert made.observe(seen(same), None).trees["sum"].reward is None
    assert rewards(taught(made, same, same))["sum"] == 0.0


def test_the_papers_plain_difference_is_of_every_skill() -> None:
    before, after = {"sum": [0, 1], "gcd": [1, 1]}, {"sum": [1, 1], "gcd": [1, 0]}
    state = taught(environment(gain="plain"), before, after)
    assert rewards(state) == {"sum": 0.5, "gcd": -0.5, "lcm": None}


def test_several_plans_for_one_student_are_no_measurements_of_it() -> None:
    """The reward comes with the next student, for all that was taught in between."""
    made = environment(prior_items=0.0)
    marks = {"sum": [0, 0], "gcd": [0, 0], "lcm": [0, 0]}
    _, _, state = turn(made, seen(marks, by="a"), None, 100, sum=FIRST)
    again, _, state = turn(made, seen(marks, by="a"), state, 100, sum=Exploit(delta={"sum 1": -10, "sum 2": -10}), gcd=FIRST)  # fmt: skip
    assert rewards(again) == dict.fromkeys(SKILLS)
    last = made.observe(seen({"sum": [1, 0], "gcd": [1, 1], "lcm": [0, 0]}, by="b"), state)
    assert rewards(last) == {"sum": 0.5, "gcd": 1.0, "lcm": None}


MARKS = st.dictionaries(st.integers(0, 30).map(str), st.booleans(), max_size=20)
BY_SKILL = st.fixed_dictionaries(dict.fromkeys(SKILLS, MARKS))
TAUGHT = st.dictionaries(st.sampled_from(SKILLS), st.integers(0, 3))


@settings(max_examples=60, deadline=None)
@given(before=BY_SKILL, now=BY_SKILL, taught=TAUGHT, prior=st.floats(0, 50))
def test_a_reward_is_of_taught_and_measured_skills_and_never_larger_than_the_change(
    before: Any, now: Any, taught: Any, prior: float
) -> None:
    made = paired(before, now, taught, prior)
    measured = {skill for skill in SKILLS if before[skill].keys() & now[skill].keys()}
    assert set(made) == {skill for skill in measured if taught.get(skill)}
    if measured <= set(made):
        for skill, reward in made.items():
            both = before[skill].keys() & now[skill].keys()
            change = sum(now[skill][item] - before[skill][item] for item in both) / len(both)
            assert abs(reward) <= abs(change) + 1e-12 and reward * change >= 0


@settings(max_examples=60, deadline=None)
@given(before=MARKS.filter(bool), now=MARKS, taught=TAUGHT, prior=st.floats(0, 50))
def test_what_happens_to_all_skills_alike_brings_no_reward(
    before: Any, now: Any, taught: Any, prior: float
) -> None:
    made = paired(dict.fromkeys(SKILLS, before), dict.fromkeys(SKILLS, now), taught, prior)
    if len(made) < len(SKILLS):
        assert all(reward == pytest.approx(0.0) for reward in made.values())


@settings(max_examples=30, deadline=None)
@given(before=BY_SKILL, now=BY_SKILL)
def test_the_plain_difference_turns_with_the_order(before: Any, now: Any) -> None:
    there = plain(before, now)
    assert {skill: -reward for skill, reward in there.items()} == pytest.approx(plain(now, before))


# --- blind --------------------------------------------------------------------------------------


def _texts(value: Any) -> str:
    return str(value.plain() if isinstance(value, Record) else value)


def test_a_blind_tree_knows_nothing_of_a_student() -> None:
    made = environment()
    _, _, state = turn(made, seen(), None, 100, sum=FIRST)
    state = made.observe(seen(), state)
    assert state.measured is None and not state.scored
    for tree in state.trees.values():
        assert (tree.score, tree.interval, tree.reward) == (None, None, None)
        assert [one.accepted for one in tree.subskills] == [None] * len(tree.subskills)
