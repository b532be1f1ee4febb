"""What is taught again was not going to be taught anyway."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """A replay of earlier examples in a loop that trains on all of them."""
    loop = arm.experiment.loop
    if loop.replayed is not None and loop.train_on == "all":
        message = "'replay' teaches earlier examples again, and 'train_on: all' teaches all of them"
        help = "set 'train_on: latest', or leave 'replay' out"
        yield arm.node.at(("loop", "replay")).fault("E204", message, help)
