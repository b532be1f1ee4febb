"""Limits before an experiment runs: refuses what cannot fit, and gives the stages what makes them pause."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.cli.costs import bills, limits_of, spec_of
from dataenvgym_spec.core.errors import LimitReached
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.guard import packed
from dataenvgym_spec.questions.plan import Step


def admit(project: Project, item: Entry, steps: Sequence[Step]) -> dict[str, str]:
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
    found = bills(project, {item.name: steps})[item.name]
    for one in found.limits:
        if found.stages and one.too_little:
            where = spec.node.at(("limits", one.name)).span
            message = f"{where}: the limit on '{one.name}' is not enough: {one.text()}"
            raise LimitReached(
                message, help=f"raise it, or: dataenvgym run {item.name} --ignore-limits"
            )
    return packed(item.name, limits)
