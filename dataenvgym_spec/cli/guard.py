"""Before an experiment runs: refuses what cannot work or fit, and tells stages when to pause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.cli.costs import bills, limits_of, spec_of
from dataenvgym_spec.core.errors import Diagnostic, LimitReached, SpecError
from dataenvgym_spec.core.variables import REPLAY, switch
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.guard import packed
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.questions.services import unusable

EXECUTES: Final = ("run", "maybe")
"""What a plan says of stages that may ask a service."""


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


def require_services(
    project: Project, item: Entry, steps: Sequence[PlannedStage], environ: Mapping[str, str]
) -> None:
    """Checks that the services can be asked which an experiment needs that is about to run.

    Args:
        project: the compiled specs.
        item: the experiment.
        steps: its plan.
        environ: the environment of its stages.

    Raises:
        SpecError: an address or a key is missing.
    """
    found = out_of_reach(project, {item.name: steps}, environ)
    if found:
        raise SpecError(found)


def out_of_reach(
    project: Project, plans: Mapping[str, Sequence[PlannedStage]], environ: Mapping[str, str]
) -> tuple[Diagnostic, ...]:
    """What is missing to ask the services of some plans; nothing where answers are replayed."""
    if switch(environ, REPLAY):
        return ()
    known = project.compiled.graph.by_id()
    steps = (step for plan in plans.values() for step in plan)
    stages = [known[step.key] for step in steps if step.use and step.action in EXECUTES]
    return unusable(project.compiled.specs, stages, environ)
