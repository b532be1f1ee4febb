"""Limits before an experiment runs: refuses what cannot fit, and lets stages know when to pause."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.cli.costs import bills, limits_of, spec_of
from dataenvgym_spec.core.errors import LimitReached
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.guard import packed
from dataenvgym_spec.questions.plan import PlannedStage


def admit(project: Project, item: Entry, steps: Sequence[PlannedStage]) -> dict[str, str]:
    """Checks the limits of an experiment that is about to run.

    Args:
        project: the compiled specs.
        item: the experiment.
        steps: its plan.

    Returns:
        What to add to the environment of its stages.

    Raises:
        LimitReached: the low end of what is ahead does not fit into a limit.
    """
    spec = spec_of(project, item)
    limits = limits_of(spec)
    if not limits:
        return {}
    bill = bills(project, {item.name: steps})[item.name]
    for limit in bill.limits:
        if bill.stages and limit.too_little:
            where = spec.node.at(("limits", limit.name)).span
            message = f"{where}: the limit on '{limit.name}' is not enough: {limit.text()}"
            help = f"raise it, or: dataenvgym run {item.name} --ignore-limits"
            raise LimitReached(message, help=help)
    return packed(item.name, limits)
