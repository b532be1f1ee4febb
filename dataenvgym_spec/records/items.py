"""An item of a task and its identity."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from dataenvgym_spec.core.hashing import digest, unit_interval
from dataenvgym_spec.records.record import Record


class Item(Record, frozen=True, kw_only=True):
    """A question with its answer.

    Attributes:
        id: its identity, see `item_id`.
        input: the question.
        target: what is taught.
        group: the gold skill.
        cluster: items of one cluster are never split between two splits.
        verifier: what the scorer judges by, so that a teacher's wrong target can be found out.
        metadata: what a prompt's template may use besides.
    """

    id: str
    input: str
    target: str
    group: str
    cluster: str
    verifier: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """The item as a row of a JSON-lines file."""
        return self.plain()


def item_id(text: str) -> str:
    """The identity of an item.

    It is 16 hex digits of the digest of the question, white space and letter case aside.

    >>> item_id("What is 1 + 1?") == item_id(" what is  1 + 1? ")
    True
    """
    return digest("item", " ".join(text.split()).casefold())[:16]


def in_lane(seed: int, cluster: str, lane: Iterable[float]) -> bool:
    """Whether a cluster's hash falls into a lane `[low, high)` of the hash space."""
    low, high = lane
    return low <= unit_interval("lane", [seed, cluster]) < high
