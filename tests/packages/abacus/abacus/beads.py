"""Sums of beads: a source without end."""

import itertools
import random
from collections.abc import Iterator

from dataenvgym_spec.gym import Item, item_id


class Beads:
    """Sums of two numbers up to a largest one, in one group."""

    procedural = True

    def __init__(self, *, largest: int) -> None:
        self.largest = largest

    def groups(self) -> list[str]:
        """The names of the groups."""
        return ["beads"]

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one group, endless and repeating."""
        rng = random.Random(f"{group} {seed}")
        for _ in itertools.count():
            yield sum_of(rng.randint(0, self.largest), rng.randint(0, self.largest), group)


def sum_of(one: int, other: int, group: str) -> Item:
    """A sum as an item."""
    text = f"{one}+{other}"
    identity = item_id(text)
    return Item(id=identity, input=text, target=str(one + other), group=group, cluster=identity)
