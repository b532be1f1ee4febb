"""What a salt changes in a copy for the noise floor: orders, batches and seeds; nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

from dataenvgym_spec.core.hashing import seed_from

T = TypeVar("T")


def shuffled(rows: Sequence[T], salt: int | None) -> list[T]:
    """Rows in an order that a salt draws; without one in their own."""
    if salt is None:
        return list(rows)
    return Random(seed_from("order", salt)).sample(rows, len(rows))


def batches(count: int, size: int, salt: int | None) -> list[list[int]]:
    """Numbers from 0 on in the batches in which they are asked.

    Without a salt it is one, in order, and whoever answers divides it. With one they are in
    another order and, lest all fit into one batch again, of amounts between half a batch and a
    whole one.

    >>> batches(3, 2, None)
    [[0, 1, 2]]
    >>> sorted(number for batch in batches(9, 4, 1) for number in batch) == list(range(9))
    True

    Args:
        count: how many numbers.
        size: of a batch.
        salt: of the copy.
    """
    if salt is None:
        return [list(range(count))]
    draw = Random(seed_from("batches", salt))
    left, drawn = shuffled(range(count), salt), []
    while left:
        amount = draw.randint((size + 1) // 2, size)
        drawn.append(left[:amount])
        left = left[amount:]
    return drawn
