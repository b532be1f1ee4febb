"""Sequences whose elements are made, or read, when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Numbered(Sequence[T]):
    """A sequence that knows how many elements it has, and gives the one of a number.

    Slices are lists, and numbers below 0 count from the end, as for any sequence.
    """

    @abstractmethod
    def element(self, number: int) -> T:
        """The element of a number, which is one of the sequence's."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        numbers = range(len(self))[index]
        if isinstance(numbers, range):
            return [self.element(number) for number in numbers]
        return self.element(numbers)

    def __iter__(self) -> Iterator[T]:
        return (self.element(number) for number in range(len(self)))
