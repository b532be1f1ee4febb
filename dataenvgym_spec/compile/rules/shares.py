"""The shares of the splits leave part of the hash space to training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import shared_out

LARGEST: Final = 0.95
"""The part of the hash space that splits may own together."""


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Splits that own too much."""
    total = shared_out(arm)
    if total > LARGEST:
        message = f"the splits own {total:.2f} of the hash space"
        help = f"let the shares sum to at most {LARGEST}"
        yield arm.node.at(("task", "splits")).key_fault("E202", message, help)
