"""The policy `sampled`: what it makes of fixed states."""

from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, states


def test_the_policy_sampled_makes_what_its_number_says() -> None:
    made = acts("sampled", {"n": 1}, {"n": 3}, {"n": 9})
    assert_golden("policy", "sampled", {1: "34e0a32a9b6eec7a"}, made)


def test_the_seed_draws_among_skills_that_are_not_perfect() -> None:
    seeing = states()[2]
    drawn = [allocation("sampled", seeing, n=2, seed=seed) for seed in range(40)]
    assert {tuple(sorted(each.values())) for each in drawn} == {(50, 50)}
    # The student is perfect in `a`; `e` is not measured, and can be drawn.
    assert {skill for each in drawn for skill in each} == set("bcde")
    assert len({frozenset(each) for each in drawn}) == 6
    assert allocation("sampled", seeing, n=9) == dict.fromkeys("bcde", 25)


def test_where_the_student_is_perfect_in_all_skills_all_share() -> None:
    assert allocation("sampled", states()[5], n=2) == dict.fromkeys("dbaec", 20)
