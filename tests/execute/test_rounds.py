"""A later round of the agent: what it carries on, and what it makes besides what there is."""

from typing import Any

import pytest

from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read, read_all, read_table
from dataenvgym_spec.records.plans import Plan, Yield
from dataenvgym_spec.results.taught.equal import common
from tests.support.amounts import examples, given
from tests.support.golden import OBSERVE, Workshop, component, engine


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """The first iteration with two rounds, up to the first plan of the second."""
    made = Workshop(tmp_path_factory.mktemp("rounds"))
    made.loop()  # a round with a refill, and what here is not used: the plan of an iteration after
    seen = [("results", f"base-{port}", port) for port in ("shown", "hidden")]
    seen.append(("skills", "skills", "skills"))
    policy = component("policy", "thompson", arms_per_step=1, discount=0.9, prior_items=20)
    params: dict[str, Any] = {"observe": OBSERVE, "policy": policy, "amount": 20, "seed": 7}
    before = (("state", "plan", "state"), ("yield", "check-again", "yield"))
    made.run("later", "plan", {**params, "agent_round": 2}, (*before, *seen))
    asked: dict[str, Any] = {"observe": OBSERVE, "engine": engine(), "iteration": 1, "round": 0}
    reads = (("plan", "later", "plan"),)
    made.run("made", "generate", {**asked, "seed": 7, "agent_round": 2}, reads)
    checks = [component("check", "duplicate", action="reject")]
    judging = {
        "observe": OBSERVE,
        "checks": checks,
        "score": component("scorer", "reasoning-gym"),
    }
    accepted = [("accepted", name, "accepted") for name in ("check", "check-again")]
    made.run("judged", "check", judging, (("candidates", "made", "candidates"), *reads, *accepted))
    after = (("state", "later", "state"), ("yield", "judged", "yield"))
    made.answers("taught-hidden", "feedback", "hidden")
    again = (("results", "taught-hidden", "hidden"), ("skills", "skills", "skills"))
    made.run("next", "plan", params, (*after, *again))
    return made


def plan(shop: Workshop, name: str) -> Plan:
    return read(shop.outs[name] / "plan" / "plan.json", Plan)


def test_a_plan_says_of_which_round_of_which_iteration_it_is(shop: Workshop) -> None:
    plans = [plan(shop, name) for name in PLANS]
    places = [(one.iteration, one.agent_round) for one in plans]
    assert places == [(1, None), (1, 2), (2, None)]


PLANS = ("plan", "later", "next")


def test_the_state_is_carried_on_with_what_became_of_the_round_before(shop: Workshop) -> None:
    states = [read(shop.outs[name] / "state" / "state.json", SkillListState) for name in PLANS]
    assert [len(state.history) for state in states] == [1, 2, 3]
    assert [step.agent_round for step in states[-1].history] == [None, 2, None]
    # Which round it was is in the step; the state itself is for whichever comes next.
    assert {state.agent_round for state in states} == {None}
    # What the rounds of an iteration see of the student is the same.
    first, second, _ = states[-1].history
    assert first.scores == second.scores


def test_a_bandit_draws_anew_and_learns_nothing_between_two_rounds(shop: Workshop) -> None:
    assert "drew a change of" in next(iter(plan(shop, "later").reasons.values()))
    (reason,) = plan(shop, "later").reasons.values()
    assert "+0.0000 with a deviation" in reason
    # The next student tells of both rounds.
    (reason,) = plan(shop, "next").reasons.values()
    assert "+0.0000 with a deviation" not in reason


def test_its_examples_are_others_and_are_held_against_those_of_earlier_rounds(
    shop: Workshop,
) -> None:
    rows = {
        name: read_all(shop.outs[name] / "candidates" / "examples.jsonl", Example)
        for name in ("generate", "made")
    }
    assert {row.provenance.agent_round for row in rows["made"] if row.provenance} == {2}
    assert {row.provenance.iteration for row in rows["made"] if row.provenance} == {1}
    assert {row.id for row in rows["made"]} != {row.id for row in rows["generate"]}
    assert all(row.provenance.plan == "key-of-later" for row in rows["made"] if row.provenance)
    accepted = [
        row.id
        for name in ("check", "check-again", "judged")
        for row in read_all(shop.outs[name] / "accepted" / "examples.jsonl", Example)
    ]
    assert len(accepted) == len(set(accepted)) == 40
    told = read_table(shop.outs["judged"] / "yield" / "yield.json", Yield)
    assert sum(one.requested for one in told.values()) == 20  # of its own requests alone


def test_equal_amounts_add_up_the_rounds_of_each_arm() -> None:
    mine = [examples(*["gcd"] * 5), examples(*["gcd"] * 4)]
    # Of one arm with two rounds and one with one, in each of two iterations.
    others = [given(gcd=1), given(gcd=2), given(gcd=9), given(gcd=3), given(sum=4), given(gcd=2)]
    assert [len(iteration) for iteration in common(mine, others, (2, 1))] == [3, 2]
