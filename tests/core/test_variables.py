"""Numbers that variables of the environment say: one form of mistake for all of them."""

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.variables import count, number


def test_what_is_not_said_is_none() -> None:
    assert count({}, "N") is None and count({"N": " "}, "N") is None
    assert count({"N": " 3 "}, "N") == 3
    assert number({"X": "0"}, "X", float, lambda value: value >= 0, "seconds") == 0.0


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "nan"])
def test_what_cannot_be_is_told_with_the_variable(text: str) -> None:
    with pytest.raises(UserError, match=f"N is '{text}'") as caught:
        count({"N": text}, "N", "a number of GPUs")
    assert caught.value.help == "set it to a number of GPUs of at least 1, or unset it"
