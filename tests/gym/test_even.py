"""The policy `even`: what it makes of fixed states."""

from tests.support.golden import assert_golden
from tests.support.states import acts, allocation, states


def test_the_policy_even_makes_what_its_number_says() -> None:
    assert_golden("policy", "even", {1: "349d2627626fa988"}, acts("even", {}))


def test_amounts_are_equal_whatever_is_seen() -> None:
    assert [allocation("even", state) for state in states()] == [dict.fromkeys("dbaec", 20)] * 7
