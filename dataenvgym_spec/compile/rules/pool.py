"""A component that reads the pool has one to read."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """Policies and engines that read a pool which the task does not have."""
    if arm.experiment.task.splits.pool is not None:
        return
    agent = arm.experiment.agent
    for slot, options in (("policy", agent.policy), ("engine", agent.engine)):
        kind = options["kind"]
        if definition(slot, kind).read_with(options) in ("pool", "pool-results"):
            message = f"the {slot} '{kind}' reads the pool, but 'task.splits' has none"
            help = "add 'pool: {from: SOURCE, draw: rest}' to 'task.splits', or name another"
            yield arm.node.at(("agent", slot, "kind")).fault("E204", message, help)
