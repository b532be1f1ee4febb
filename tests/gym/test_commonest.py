"""The policy `commonest`: what it makes of fixed states."""

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import SkillListState
from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, states

ITEMS = {"a": 3, "b": 9, "c": 9, "d": 40}
SEEING = SkillListState(
    skills=("d", "b", "e", "a", "c"),
    scores={skill: SkillScore(accuracy=0.5, items=items) for skill, items in ITEMS.items()},
)


def test_the_policy_commonest_makes_what_its_number_says() -> None:
    made = acts("commonest", {"n": 1}, {"n": 3}, {"n": 9})
    assert_golden("policy", "commonest", {1: "c79acbc0c8c181ae"}, made)


def test_the_commonest_share_equally_however_the_student_does() -> None:
    assert allocation("commonest", SEEING, n=1) == {"d": 100}
    # Of two that are equally common the first by name is taken; one that was not measured has no item.
    assert allocation("commonest", SEEING, n=2) == {"b": 50, "d": 50}
    assert allocation("commonest", SEEING, n=4) == dict.fromkeys("abcd", 25)
    assert allocation("commonest", SEEING, n=9) == dict.fromkeys("dbaec", 20)


def test_without_scores_all_are_equal() -> None:
    assert allocation("commonest", states()[0], n=1) == allocation("even", states()[0])
