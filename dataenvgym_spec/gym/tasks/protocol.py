"""What a task is made of: a source gives items, a scorer judges answers to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from dataenvgym_spec.records.items import Item


class Source(Protocol):
    """Where items come from."""

    procedural: bool
    """Whether it can make new items without end; otherwise `items` lists all there are."""

    def groups(self) -> list[str]:
        """The names of the groups."""

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one group: endless and repeating for a procedural source, each once for a finite one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How good an answer is: `value` in [0, 1], and whether an answer could be read at all."""

    value: float
    parsed: bool

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.value >= 1.0


class Scorer(Protocol):
    """Scores answers to items."""

    def score(self, answer: str, item: Item) -> Score:
        """Scores one answer."""
