"""Which of several processes that share a stage one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Shared(Exception):
    """A process has done its part of what a stage asks a teacher first; it goes no further.

    Attributes:
        keys: of the responses, in the journal.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__("a part of a stage is done")
        self.keys = keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of several processes: its number, from 1 on, of how many."""

    number: int
    count: int

    @property
    def name(self) -> str:
        """What its shard is called: `2-of-3`."""
        return f"{self.number}-of-{self.count}"

    def of(self, rows: Sequence[T], before: int = 0) -> Sequence[T]:
        """Its share of some rows: all processes get one in turn.

        >>> Part(number=1, count=2).of("abc"), Part(number=2, count=2).of("abc")
        ('ac', 'b')

        Args:
            rows: what is shared.
            before: how many were dealt out before these.
        """
        return rows[(self.number - 1 - before) % self.count :: self.count]
