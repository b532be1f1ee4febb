"""A split in two roles: allowed, and said aloud."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """A warning for each role that uses the items of another one."""
    for role, split in arm.experiment.task.splits.drawn().items():
        other = split.same_as
        if other is not None:
            node = arm.node.at(("task", "splits", role, "same_as"))
            message = f"'{role}' and '{other}' are the same items"
            help = (
                "what is said about one was looked at in the other role too; "
                "the report is stamped with it"
            )
            yield node.fault("W402", message, help, severity="warning")
