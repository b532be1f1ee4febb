"""A part of the examples of each iteration, for arms that are taught less of another arm's data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from dataenvgym_spec.core.hashing import unit_interval
from dataenvgym_spec.results.taught.equal import prefix
from dataenvgym_spec.results.taught.listed import Chosen

C = TypeVar("C", bound=Chosen)


def part(examples: Sequence[C], fraction: float, seed: int) -> list[C]:
    """A random part of some examples, of every request its share, in their order.

    Args:
        examples: of one iteration.
        fraction: how much of them; at least one example is left of some.
        seed: of the run.
    """
    amount = max(1, round(fraction * len(examples)))
    drawn = sorted(examples, key=lambda example: unit_interval("fraction", [seed, example.id]))
    kept = {id(example) for example in prefix(drawn, amount)}
    return [example for example in examples if id(example) in kept]


def by_iteration(examples: Sequence[C]) -> list[list[C]]:
    """Examples, which come in the order of iterations, one list for each that has any."""
    iterations: dict[int, list[C]] = {}
    for example in examples:
        iterations.setdefault(example.iteration, []).append(example)
    return list(iterations.values())
