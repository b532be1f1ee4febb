"""Before an experiment runs: refuses what cannot work or fit, and tells stages when to pause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.cli.common import Project
from dataenvgym_spec.cli.costs import Bill, bills, limits_of
from dataenvgym_spec.core.errors import Diagnostic, LimitReached, SpecError
from dataenvgym_spec.core.variables import REPLAY, switch
from dataenvgym_spec.graph.ir import Entry
from dataenvgym_spec.questions.cost.guard import packed
from dataenvgym_spec.questions.plan import PlannedStage
from dataenvgym_spec.questions.services import unusable
from dataenvgym_spec.resolve.arms import Resolved

EXECUTES: Final = ("run", "maybe")
"""What a plan says of stages that may ask a service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What limits say to experiments that are about to run.

    Attributes:
        limits: what to add to the environment of the stages of those that may, by experiment.
        refused: those of which the low end of what is ahead does not fit into a limit.
    """

    limits: Mapping[str, Mapping[str, str]]
    refused: Mapping[str, LimitReached]


def admit(project: Project, plans: Mapping[str, Sequence[PlannedStage]]) -> Admission:
    """Checks the limits of experiments that are about to run; logs and prices are read once.

    Args:
        project: the compiled specs.
        plans: their plans.
    """
    limits: dict[str, Mapping[str, str]] = {name: {} for name in plans}
    refused = {}
    limited = {name: steps for name, steps in plans.items() if limits_of(project.spec(name))}
    for name, bill in (bills(project, limited) if limited else {}).items():
        error = _too_little(project.spec(name), bill)
        if error is None:
            limits[name] = packed(name, limits_of(project.spec(name)))
        else:
            refused[name] = error
    return Admission(limits=limits, refused=refused)


def _too_little(spec: Resolved, bill: Bill) -> LimitReached | None:
    """The first limit that is not enough."""
    for limit in bill.limits:
        if bill.stages and limit.too_little:
            where = spec.node.at(("limits", limit.name)).span
            message = f"{where}: the limit on '{limit.name}' is not enough: {limit.text()}"
            help = f"raise it, or: dataenvgym run {spec.base.name} --ignore-limits"
            return LimitReached(message, help=help)
    return None


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
