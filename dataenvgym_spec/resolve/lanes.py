"""The hash space, shared out among the splits."""

from __future__ import annotations

from typing import Final

from dataenvgym_spec.resolve.arms import Arm

Lanes = dict[str, tuple[float, float]]
"""The part of the hash space [0, 1) that each role owns."""

DEFAULT_SHARES: Final = {"test": 0.10, "selection": 0.05, "feedback": 0.10}
"""The roles in the order of their lanes, each with the share that it owns by default."""


def lanes(arm: Arm) -> Lanes:
    """The lane of each role, in a fixed order of roles.

    A split draws only from its own lane, so growing one never moves an item of another and no split
    reads another. What lies above the last lane belongs to no split.
    """
    splits = {role: getattr(arm.experiment.task.splits, role) for role in DEFAULT_SHARES}
    owned: Lanes = {}
    low = 0.0
    for role, split in splits.items():
        if split.same_as is None:
            share = split.share or DEFAULT_SHARES[role]
            owned[role] = (round(low, 9), round(low + share, 9))
            low += share
    return {role: owned[split.same_as or role] for role, split in splits.items()}
