"""Arms that are to be taught equal amounts can be."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm, Resolved

PLACE = ("loop", "teach", "equal")


def check(resolved: Resolved) -> Iterator[Diagnostic]:
    """Errors about `loop.teach.equal`, at each arm that asks for what cannot be."""
    arms = [arm for arm in resolved.arms if arm.experiment.loop.teach.equal]
    for arm in arms:
        fault = _fault(arm, arms[0], len(arms))
        if fault is not None:
            message, remedy = fault
            yield arm.node.at(PLACE).fault("E204", message, remedy)


def _fault(arm: Arm, first: Arm, count: int) -> tuple[str, str] | None:
    """What is wrong, and what to do about it."""
    loop, other = arm.experiment.loop, first.experiment.loop
    if count < 2:
        message = f"no other arm says 'equal', so that '{arm.name}' is equal to nothing"
        return message, "set 'loop.teach.equal' for all arms that are compared, or leave it out"
    if loop.stop is not None:
        message = "amounts cannot be equal where each arm may stop by itself"
        return message, "leave out 'loop.stop' or 'loop.teach.equal'"
    if loop.iterations != other.iterations:
        numbers = f"{loop.iterations} iterations, '{first.name}' {other.iterations}"
        return f"'{arm.name}' runs {numbers}", "give both equally many iterations"
    if loop.teach.examples != other.teach.examples:
        numbers = f"{loop.teach.examples} examples, '{first.name}' {other.teach.examples}"
        return f"'{arm.name}' asks for {numbers}", "ask for equal amounts, or leave 'equal' out"
    return None
