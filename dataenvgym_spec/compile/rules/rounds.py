"""Every round of the agent has something to ask for."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """More rounds than there are examples to share among them."""
    loop = arm.experiment.loop
    rounds, examples = len(loop.amounts), loop.teach.examples
    if rounds > examples:
        message = f"{rounds} rounds share {examples} examples, so that some ask for nothing"
        help = f"run at most {examples} rounds, or teach at least {rounds} examples"
        yield arm.node.at(("loop", "rounds")).fault("E204", message, help)
