"""A part of the examples of each iteration, for arms that are taught less of another arm's data."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.core.hashing import unit_interval
from dataenvgym_spec.execute.training.equal import prefix
from dataenvgym_spec.records.examples import Example


def part(examples: Sequence[Example], fraction: float, seed: int) -> list[Example]:
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


def by_iteration(examples: Sequence[Example]) -> list[list[Example]]:
    """Examples, which come in the order of iterations, one list for each that has any."""
    iterations: dict[int, list[Example]] = {}
    for example in examples:
        number = example.provenance.iteration if example.provenance is not None else 0
        iterations.setdefault(number, []).append(example)
    return list(iterations.values())
