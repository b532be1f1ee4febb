"""Elements by number, as of any sequence."""

import pytest

from dataenvgym_spec.core.numbered import Numbered


class Squares(Numbered[int]):
    def __len__(self) -> int:
        return 4

    def element(self, number: int) -> int:
        assert 0 <= number < len(self)
        return number * number


def test_numbers_slices_and_ends_are_those_of_a_list() -> None:
    squares, listed = Squares(), [0, 1, 4, 9]
    assert list(squares) == listed and list(reversed(squares)) == listed[::-1]
    for index in (0, 3, -1, -4, slice(None), slice(1, 3), slice(None, None, -2), slice(2, 99)):
        assert squares[index] == listed[index]
    for beyond in (4, -5):
        with pytest.raises(IndexError):
            squares[beyond]
