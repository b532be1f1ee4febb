"""An item of a task and its identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from dataenvgym_spec.core.hashing import digest, unit_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question with its answer. `group` is the gold skill; items of one `cluster` are never split.

    `target` is what is taught; `verifier` is what the scorer judges by, so that a teacher's wrong target can be found out.
    """

    id: str
    input: str
    target: str
    group: str
    cluster: str
    verifier: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The item as a row of a JSON-lines file."""
        return asdict(self)


def item_id(text: str) -> str:
    """The identity of an item: 16 hex digits of the digest of its question, white space and letter case aside.

    >>> item_id("What is 1 + 1?") == item_id(" what is  1 + 1? ")
    True
    """
    return digest("item", " ".join(text.split()).casefold())[:16]


def in_lane(seed: int, cluster: str, lane: Iterable[float]) -> bool:
    """Whether a cluster's hash falls into a lane `[low, high)` of the hash space."""
    low, high = lane
    return low <= unit_interval("lane", [seed, cluster]) < high


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
