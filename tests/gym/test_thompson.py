"""The policy `thompson`: what it makes of fixed states."""

from __future__ import annotations

from pathlib import Path
from statistics import NormalDist

import pytest

from dataenvgym_spec.gym.environments.skill_list import SkillListState
from dataenvgym_spec.gym.policies.changes import trials
from dataenvgym_spec.records.plans import Yield
from tests.support.golden import Workshop, assert_golden, component
from tests.support.states import acts, allocation, policy, scores, states, step

OPTIONS = {"arms_per_step": 1, "discount": 0.5, "prior_items": 20}
HISTORY = (step({"a": 9, "b": 9}, a=0.1, b=0.0), step({"b": 9}, a=0.4, b=0.2))
STATE = SkillListState(skills=("a", "b"), scores=scores(a=0.4, b=0.3), history=HISTORY)


def test_the_policy_thompson_makes_what_its_number_says() -> None:
    many = {"arms_per_step": 3, "discount": 0.9, "prior_items": 20}
    assert_golden("policy", "thompson", {2: "343035e966cb0578"}, acts("thompson", OPTIONS, many))


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


@pytest.mark.parametrize(("arms", "said"), [(1, True), (2, False)])
def test_the_first_plan_says_how_many_plans_it_takes(arms: int, said: bool, tmp_path: Path) -> None:
    """Before the run that is known only where skills are."""
    shop = Workshop(tmp_path)
    shop.data("feedback", show=0.25)
    items = (("items", "feedback", "shown"), ("items", "feedback", "hidden"))
    shop.run("skills", "skills", {"discover": component("discovery", "gold")}, items)
    planned = {
        "observe": {"errors": 0, "scores": True, "yield": True},
        "policy": component("policy", "thompson", **{**OPTIONS, "arms_per_step": arms}),
        "amount": 10,
        "seed": 7,
    }
    shop.run("plan", "plan", planned, (("skills", "skills", "skills"),))
    told = "'thompson' picks 1 of 2 skills in a plan: it learns little in fewer than 4 plans"
    assert (told in "\n".join(shop.said)) is said


def test_several_arms_share_equally_and_unmeasured_skills_are_none() -> None:
    for state in states()[2:6]:
        made = allocation("thompson", state, **{**OPTIONS, "arms_per_step": 2})
        assert list(made.values()) == [50, 50]
    for state in states()[2:5]:
        assert set(allocation("thompson", state, **{**OPTIONS, "arms_per_step": 9})) == set("abcd")


def test_a_skill_that_no_example_comes_of_is_turned_away_from() -> None:
    """Nothing is known of what it gains, and more of it would teach nobody either."""
    plans, before = [], None
    for number in range(9):
        plans.append(step({"dry": 9, "wet": 9}, before, dry=0.1, wet=number / 10))
        before = {"dry": 9}
    dry = {"dry": Yield(requested=9, accepted=0), "wet": Yield(requested=9, accepted=9)}
    now = {"skills": ("dry", "wet"), "scores": scores(dry=0.1, wet=0.9), "history": tuple(plans)}
    seen, unseen = SkillListState(**now, yields=dry), SkillListState(**now)
    options = {**OPTIONS, "discount": 1.0, "prior_items": 1}

    def picked(state: SkillListState) -> int:
        drawn = [allocation("thompson", state, seed=seed, **options) for seed in range(200)]
        return sum("dry" in each for each in drawn)

    # Nine trials without an example leave little doubt that it brings nothing; with none of them
    # counted it would be picked as often as a coin falls.
    assert picked(seen) < 30
    (belief,) = {policy("thompson", **options)._posterior(each) for each in [trials(seen)["dry"]]}
    assert belief == (0.0, pytest.approx((1 / (2 * (1 + 9 * 20))) ** 0.5))
    # Where yields are not observed, what the last plan got is not known.
    assert len(trials(unseen)["dry"]) == 9
