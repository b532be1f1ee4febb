"""The hash space, shared out among the splits."""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.resolve.arms import Arm

Lanes = dict[str, tuple[float, float]]
"""The part of the hash space [0, 1) that each role owns."""

DEFAULT_SHARES: Final = {"test": 0.10, "selection": 0.05, "feedback": 0.10, "pool": 0.20}
"""The roles in the order of their lanes, each with the share that it owns by default."""
WHOLE: Final = (0.0, 1.0)
"""The lane of a split that is a whole source."""


def lanes(arm: Arm) -> Lanes:
    """The lane of each role, in a fixed order of roles.

    A split draws only from its own lane, so growing one never moves an item of another and no split
    reads another. What lies above the last lane belongs to no split, or to the one that draws the
    rest. A split that is a whole source has all of that source, and no lane of the others.
    """
    splits = arm.experiment.task.splits.drawn()
    whole = owners(arm)
    owned = dict.fromkeys(whole, WHOLE)
    low = 0.0
    for role, split in splits.items():
        if split.same_as is None and not isinstance(split.draw, str):
            share = split.share or DEFAULT_SHARES[role]
            owned[role] = (round(low, 9), round(low + share, 9))
            low += share
    rest = (round(low, 9), 1.0)
    return {role: owned.get(split.same_as or role, rest) for role, split in splits.items()}


def owners(arm: Arm) -> dict[str, str]:
    """The splits that are a whole source, each with the name of the source.

    The rest of a source that no other split draws from is all of it.
    """
    splits = arm.experiment.task.splits.drawn()
    own = {role: split for role, split in splits.items() if split.same_as is None}
    drawn_from = [split.from_ for split in own.values()]
    found = {}
    for role, split in own.items():
        alone = drawn_from.count(split.from_) == 1
        if split.draw == "all" or (split.draw == "rest" and alone):
            found[role] = split.from_
    return found


def shared_out(arm: Arm) -> float:
    """The part of the hash space that splits own which ask for a number of items."""
    splits, owned = arm.experiment.task.splits.drawn(), lanes(arm)
    highs = [owned[role][1] for role, split in splits.items() if not isinstance(split.draw, str)]
    return max(highs, default=0.0)
