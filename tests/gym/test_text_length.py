"""The check of lengths, at its bounds."""

from pathlib import Path

import pytest

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.records.examples import Example
from tests.support.golden import assert_golden, component, make
from tests.support.repositories import call


def example(input: str, target: str) -> Example:
    return Example(id=input, input=input, target=target, group="g", cluster=input, skill="g")


@pytest.mark.parametrize(
    ("input", "target", "reason"),
    [
        ("abcd", "1", None),
        ("abcdefgh", "123456", None),
        ("abc", "1", "the question has 3 characters, and at least 4 are asked for"),
        ("  abc  ", "1", "the question has 3 characters, and at least 4 are asked for"),
        ("abcdefghi", "1", "the question has 9 characters, and at most 8 are allowed"),
        ("abcd", "", "the answer has 0 characters, and at least 1 are asked for"),
        ("abcd", "1234567", "the answer has 7 characters, and at most 6 are allowed"),
        ("äöüß", "é", None),
    ],
)
def test_an_example_outside_of_the_bounds_is_objected_to(
    input: str, target: str, reason: str | None
) -> None:
    options = {"min_input": 4, "max_input": 8, "min_target": 1, "max_target": 6}
    check = make("check", component("check", "text-length", **options))
    assert check.objections([example(input, target)], Sight(scorer=ExactMatch())) == [reason]


def test_the_check_text_length_makes_what_its_number_says() -> None:
    options = {"min_input": 2, "max_input": 3, "min_target": 2, "max_target": 3}
    check = make("check", component("check", "text-length", **options))
    texts = ("", "a", "ab", "abc", "abcd")
    candidates = [example(one, other) for one in texts for other in texts]
    said = check.objections(candidates, Sight(scorer=ExactMatch()))
    assert_golden("check", "text-length", {1: "79d8b8974413981d"}, said)


def test_bounds_that_nothing_keeps_are_an_error(repo: Path) -> None:
    options = "agent.checks.text-length={min_input: 9, max_input: 8}"
    said = call("dataenvgym", "validate", "tiny", "--set", options, cwd=repo, ok=False).stderr
    assert "error[E204]: no question has at least 9 and at most 8 characters" in said
