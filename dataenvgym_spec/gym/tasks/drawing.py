"""Draws from a source that end, whatever the source gives."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

from dataenvgym_spec.records.items import Item

PATIENCE: Final = 3000
"""Items in a row that are not wanted, after which a stream is given up."""
SURE: Final = 30
"""How often a wanted item is expected in what is given up: the chance of missing all is e^-30."""


def wanted(stream: Iterator[Item], accepts: Callable[[Item], bool], share: float) -> Iterator[Item]:
    """The items of a stream that are accepted, until none is for a long time.

    Args:
        stream: with or without an end.
        accepts: whether an item is wanted.
        share: the part of new items that is expected to be accepted.
    """
    patience = max(PATIENCE, math.ceil(SURE / share))
    idle = 0
    for item in stream:
        idle += 1
        if accepts(item):
            idle = 0
            yield item
        elif idle >= patience:
            return


def fresh(stream: Iterator[Item], accepts: Callable[[Item], bool], share: float) -> Iterator[Item]:
    """The accepted items of a stream, each once; arguments as of `wanted`."""
    seen: set[str] = set()

    def is_new(item: Item) -> bool:
        if item.id in seen or not accepts(item):
            return False
        seen.add(item.id)
        return True

    return wanted(stream, is_new, share)
