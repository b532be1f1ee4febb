"""A policy in an arm that observes something sees what it decides by."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """A warning where nothing is observed that any option of the policy needs (`x-needs`)."""
    agent = arm.experiment.agent
    if agent.observe == "nothing" or arm.experiment.data_from is not None:
        return
    declared = definition("policy", agent.policy["kind"])
    needs = {word: None for needed in declared.marked("x-needs").values() for word in needed}
    if not needs or any(map(agent.sees, needs)):
        return
    node = arm.node.at(("agent", "policy", "kind"))
    words = " or ".join(f"'{word}'" for word in needs)
    message = f"the policy '{declared.kind}' decides by {words}, which this arm does not observe"
    help = f"add {words} to 'agent.observe', or choose a policy that decides without"
    yield node.fault("W408", message, help, severity="warning")
