"""Some of what earlier iterations taught, to be taught again beside what is new."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TypeVar

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.results.taught.fraction import by_iteration, part
from dataenvgym_spec.results.taught.listed import Chosen

C = TypeVar("C", bound=Chosen)


def again(
    examples: Sequence[C], earlier: Collection[str], fraction: float, seed: int, turn: int
) -> tuple[list[C], list[C]]:
    """The examples that are taught again, and those that are new.

    Args:
        examples: in the order of their iterations.
        earlier: the ids of those that are not new.
        fraction: how much of each earlier iteration; at least one example of each.
        seed: of the run.
        turn: what tells one training of a run from another: each draws other ones, so that in time
            all are taught again.
    """
    new = [example for example in examples if example.id not in earlier]
    old = [example for example in examples if example.id in earlier]
    drawn: list[C] = []
    for iteration in by_iteration(old):
        drawn += part(iteration, fraction, seed_from("replay", seed, turn))
    return drawn, new
