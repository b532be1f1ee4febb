"""The noise floor copies something, and something that there is."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.lower.noise import lasting
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.noise import Noise
from dataenvgym_spec.resolve.arms import Arm, Resolved


def check(resolved: Resolved) -> Iterator[Diagnostic]:
    """Errors about `noise`: whose is it, and is there such a student?"""
    noise = resolved.base.noise
    if noise is None:
        return
    if not noise.reevaluate and not noise.retrain:
        message, help = "this asks for no copy", "set 'reevaluate' or 'retrain', or leave it out"
        yield resolved.node.at(("noise",)).fault("E204", message, help)
    arms = {arm.name: arm for arm in resolved.arms}
    # An arm that there is not is told by its name.
    arm = resolved.arms[0] if noise.of is None else arms.get(noise.of, resolved.arms[0])
    fault = _fault(noise, arm)
    if fault is not None:
        key, message, help = fault
        yield resolved.node.at(("noise", key)).fault("E204", message, help)


def _fault(noise: Noise, arm: Arm) -> tuple[str, str, str] | None:
    """What is wrong with the student that is copied: at which key, and what to do about it."""
    number, iterations = noise.iteration, arm.experiment.loop.iterations
    if number is None:
        return None
    if number == 0 and noise.retrain:
        message = "the untaught student has no training in the loop to be done again"
        return "retrain", message, "name an iteration from 1 on, or leave 'iteration' out"
    if number > iterations:
        message = f"'{arm.name}' has {iterations} iterations"
        return "iteration", message, "name one of them, or leave 'iteration' out"
    if number > lasting(arm):
        message = f"'{arm.name}' may stop before iteration {number}, and has no such student then"
        help = f"name an iteration up to {lasting(arm)}, or leave 'iteration' out"
        return "iteration", message, help
    return None
