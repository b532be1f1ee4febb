"""The policy `weakest`: what it makes of fixed states."""

from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, states


def test_the_policy_weakest_makes_what_its_number_says() -> None:
    made = acts("weakest", {"n": 1}, {"n": 3}, {"n": 9})
    assert_golden("policy", "weakest", {1: "bcf07a1fb9c945eb"}, made)


def test_the_weakest_share_equally() -> None:
    seeing = states()[2]
    assert allocation("weakest", seeing, n=3) == {"e": 33, "b": 34, "c": 33}
    # Two skills are equally weak: the first by name is taken.
    assert allocation("weakest", seeing, n=2) == {"e": 50, "b": 50}
    assert allocation("weakest", seeing, n=9) == dict.fromkeys("dbaec", 20)


def test_the_seed_and_the_order_of_skills_do_not_matter() -> None:
    seeing = states()[2]
    turned = seeing.__class__(skills=seeing.skills[::-1], scores=seeing.scores)
    for seed in range(3):
        assert allocation("weakest", turned, n=2, seed=seed) == {"e": 50, "b": 50}
