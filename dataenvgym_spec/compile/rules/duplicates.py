"""Experiments that are one: arms of a spec, points of a sweep, and specs that make the same stages.

Stages are compared, not records: another name for the same teacher, a check that is `off` or a
default that is written out does not make another experiment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.resolve.arms import Resolved

Stages = tuple[str, ...]

_CHANGE = "remove one, or change what it was meant to change"


def check(specs: Iterable[Resolved], graph: Graph) -> Iterator[Diagnostic]:
    """Names both of each pair; the second is where the warning points.

    Args:
        specs: the experiments.
        graph: their stages, shared.
    """
    stages = _stages(graph)
    first: dict[object, Resolved] = {}
    for spec in specs:
        arms = {arm.name: stages[spec.base.name, arm.name] for arm in spec.arms}
        for finding in _same_arms(spec, arms):
            yield spec.family.annotate(finding)
        # What the report asks, the bound on costs and copies belong to an experiment and no arm.
        asked = msgspec.json.encode((spec.base.analysis, spec.base.limits, spec.base.noise))
        same = first.setdefault((frozenset(arms.items()), asked), spec)
        if same is not spec:
            yield spec.family.annotate(_same_experiments(same, spec))


def _stages(graph: Graph) -> dict[tuple[str, str], Stages]:
    """The stages of each arm of each experiment, in the order of the graph."""
    stages: dict[tuple[str, str], dict[str, None]] = {}
    for stage in graph.stages:
        for use in stage.uses:
            # Copies for the noise floor are of one arm, and do not make it another one.
            if use.copy is None:
                stages.setdefault((use.experiment, use.arm), {})[stage.id] = None
    return {arm: tuple(ids) for arm, ids in stages.items()}


def _same_arms(spec: Resolved, arms: dict[str, Stages]) -> Iterator[Diagnostic]:
    first: dict[Stages, str] = {}
    for name, stages in arms.items():
        other = first.setdefault(stages, name)
        if other != name:
            message = f"the arms '{other}' and '{name}' resolve to the same experiment"
            node = spec.node.at(("arms", name))
            yield node.key_fault("W401", message, _CHANGE, severity="warning")


def _same_experiments(one: Resolved, other: Resolved) -> Diagnostic:
    names = f"the experiments '{one.base.name}' and '{other.base.name}'"
    message = f"{names} are the same but for their names"
    help = f"{_CHANGE}; they share every stage"
    if one.path == other.path:
        node = other.family.merged.at(("matrix",))
        return node.key_fault("W401", message, help, severity="warning")
    return other.node.at(("name",)).fault("W401", message, help, severity="warning")
