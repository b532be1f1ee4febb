"""Equal amounts for arms: of each iteration, as many examples as every arm has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import TypeVar

from dataenvgym_spec.records.plans import Yield
from dataenvgym_spec.results.taught.listed import Chosen

C = TypeVar("C", bound=Chosen)


def common(
    iterations: Sequence[Sequence[C]],
    others: Sequence[Mapping[str, Yield]],
    rounds: Sequence[int] | None = None,
) -> list[Sequence[C]]:
    """The examples of each iteration, cut to the amount that every arm has.

    Args:
        iterations: what this arm accepted, each in the order of its requests.
        others: what the other arms accepted by request, iteration by iteration, in each arm by arm.
        rounds: how many of them each other arm has of an iteration; one if it is left out.
    """
    if rounds is None:
        rounds = [1] * (len(others) // len(iterations))
    waiting = iter(others)
    cut: list[Sequence[C]] = []
    for examples in iterations:
        amounts = [len(examples)]
        for count in rounds:
            amounts.append(sum(map(_accepted, islice(waiting, count))))
        cut.append(prefix(examples, min(amounts)))
    return cut


def _accepted(given: Mapping[str, Yield]) -> int:
    """How many examples were accepted for the requests of a plan."""
    return sum(one.accepted for one in given.values())


def prefix(examples: Sequence[C], amount: int) -> Sequence[C]:
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
