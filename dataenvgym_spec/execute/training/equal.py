"""Equal amounts for arms: of each iteration, as many examples as every arm has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.plans import Yield

Iteration = Sequence[Example]
"""The accepted examples of an iteration, in the order of their requests."""


def common(
    iterations: Sequence[Iteration], others: Sequence[Mapping[str, Yield]]
) -> list[Iteration]:
    """The examples of each iteration, cut to the amount that every arm has.

    Args:
        iterations: what this arm accepted.
        others: what the other arms accepted by skill, iteration by iteration; in each equally many
            arms.
    """
    arms = len(others) // len(iterations)
    cut = []
    for number, examples in enumerate(iterations):
        rivals = others[number * arms : (number + 1) * arms]
        cut.append(prefix(examples, min([len(examples), *map(_accepted, rivals)])))
    return cut


def _accepted(given: Mapping[str, Yield]) -> int:
    """How many examples an arm accepted, of all skills."""
    return sum(one.accepted for one in given.values())


def prefix(examples: Iteration, amount: int) -> Iteration:
    """So many of some examples, each request's first ones, so that every request keeps its share.

    They come request by request: the plain prefix would leave out nothing but the last one.
    """
    sizes = Counter(example.asked_by for example in examples)
    had: Counter[str] = Counter()
    places: list[tuple[Fraction, int]] = []
    for position, example in enumerate(examples):
        place = Fraction(2 * had[example.asked_by] + 1, 2 * sizes[example.asked_by])
        places.append((place, position))
        had[example.asked_by] += 1
    kept = sorted(position for _, position in sorted(places)[:amount])
    return [examples[position] for position in kept]
