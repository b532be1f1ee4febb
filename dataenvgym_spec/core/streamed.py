"""What can be gone through more than once, and is made anew each time instead of being held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Streamed(Iterable[T], Generic[T]):
    """What a function gives, each time from the start.

    Examples:
        >>> squares = Streamed(lambda: (number * number for number in range(3)))
        >>> list(squares), sum(squares)
        ([0, 1, 4], 5)

    Attributes:
        make: begins anew.
    """

    make: Callable[[], Iterator[T]]

    def __iter__(self) -> Iterator[T]:
        return self.make()
