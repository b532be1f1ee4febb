"""Early stopping can happen, and does not call a worse student best."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Warnings about `loop.stop`."""
    stop, iterations = arm.experiment.loop.stop, arm.experiment.loop.iterations
    if stop is None:
        return
    # The first iteration sets the score to beat, and after the last one there is nothing to stop.
    if stop.patience > iterations - 2:
        node = arm.node.at(("loop", "stop", "patience"))
        message = f"a patience of {stop.patience} can never stop a loop of {_turns(iterations)}"
        if iterations > 2:
            help = f"lower 'patience' to at most {iterations - 2}, or leave 'stop' out"
        else:
            help = f"run at least {stop.patience + 2} iterations, or leave 'stop' out"
        yield node.fault("W403", message, help, severity="warning")
    elif arm.experiment.select.by == "last":
        node = arm.node.at(("select", "by"))
        message = (
            f"the loop stops when {_turns(stop.patience)} brought no better score, "
            "and then the last of those is called best"
        )
        help = "write 'by: selection.accuracy', or leave 'loop.stop' out"
        yield node.fault("W403", message, help, severity="warning")


def _turns(count: int) -> str:
    return f"{count} iteration{'s' if count > 1 else ''}"
