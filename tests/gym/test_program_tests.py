"""When a value or an output is the expected one."""

import math
from fractions import Fraction

import pytest

from dataenvgym_spec.gym.sandboxes.values import Opaque, UnfitError, decoded, encoded
from dataenvgym_spec.gym.tasks.scorers.program_tests import equal, same_text


@pytest.mark.parametrize(
    ("value", "expected", "same"),
    [
        ([1, (2, 3)], ((1), [2, 3]), True),
        ((1, 2), [1, 2, 3], False),
        ({"a": (1.0,)}, {"a": [1.0 + 1e-9]}, True),
        ({"a": 1}, {"b": 1}, False),
        (1e9 + 1, 1e9, True),
        (1000001, 1000000, False),
        (0.1 + 0.2, 0.3, True),
        (2, 2.0, True),
        (math.nan, 1.0, False),
        (math.inf, math.inf, True),
        (math.inf, 1.0, False),
        ("1", 1.0, False),
        (True, 1, True),
        (Fraction(1, 2), Fraction(2, 4), True),
        ({1, 2}, {2, 1}, True),
        (None, [], False),
    ],
)
def test_values_are_compared_as_data(value: object, expected: object, same: bool) -> None:
    assert equal(value, expected, 1e-6) is same


@pytest.mark.parametrize(
    ("written", "expected", "same"),
    [
        ("1 2\n3\n\n", " 1  2 \n3", True),
        ("YES", "yes", False),
        ("1\n\n2", "1\n2", False),
        ("0.3000000001", "0.3", True),
        ("3", "3.0", True),
        ("1000001", "1000000", False),
        ("nan", "nan", True),
        ("1e999999999", "1.5", False),
        ("a 1.0", "a 1", True),
        ("x", "1.0", False),
        ("", "\n", True),
    ],
)
def test_outputs_are_compared_word_by_word(written: str, expected: str, same: bool) -> None:
    assert same_text(written, expected, 1e-6) is same


def test_what_is_no_value_is_refused() -> None:
    nested: object = []
    for _ in range(200):
        nested = [nested]
    for content in (
        nested,
        {"set": [[]]},
        {"dict": [[1]]},
        {"x": 1},
        {},
        {"int": "z"},
        {"tuple": 1},
    ):
        with pytest.raises(UnfitError):
            decoded(content)
    with pytest.raises(UnfitError):
        encoded(nested)
    with pytest.raises(UnfitError):
        encoded(object())


def test_a_value_that_stays_where_it_is_equals_nothing_but_goes_home() -> None:
    thing = object()
    there = decoded(encoded([thing], lambda value: Opaque(7, "object")))
    assert there[0] != decoded(encoded(there))[0] and there[0].type == "object"
    assert decoded(encoded(there), {7: thing}) == [thing]
    with pytest.raises(UnfitError):
        decoded(encoded(there), {})
