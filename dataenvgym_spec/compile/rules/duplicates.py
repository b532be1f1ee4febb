"""Experiments that are one: arms of a spec, points of a sweep, and specs that come down to the same stages. Warnings; changes nothing.

Stages and not records are compared: another name for the same teacher, a check that is `off` or a default that is written out
make no other experiment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.resolve.arms import Resolved

Stages = tuple[str, ...]


def check(specs: Iterable[Resolved], graph: Graph) -> Iterator[Diagnostic]:
    """Names both of each pair; the second is where the warning points.

    Args:
        specs: the experiments.
        graph: their stages, shared.
    """
    stages = _stages(graph)
    first: dict[object, Resolved] = {}
    for spec in specs:
        mine = {arm.name: stages[spec.base.name, arm.name] for arm in spec.arms}
        seen: dict[Stages, str] = {}
        for name, does in mine.items():
            other = seen.setdefault(does, name)
            if other != name:
                message = f"the arms '{other}' and '{name}' resolve to the same experiment"
                node = spec.node.at(("arms", name))
                yield spec.family.annotate(
                    node.key_fault(
                        "W401",
                        message,
                        "remove one, or change what it was meant to change",
                        severity="warning",
                    )
                )
        # The report's questions and the bound on costs belong to an experiment and to no stage.
        asked = msgspec.json.encode((spec.base.analysis, spec.base.limits))
        same = first.setdefault((frozenset(mine.items()), asked), spec)
        if same is not spec:
            yield spec.family.annotate(_same(same, spec))


def _stages(graph: Graph) -> dict[tuple[str, str], Stages]:
    """The stages of each arm of each experiment, in the order of the graph."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for stage in graph.stages:
        for use in stage.uses:
            found.setdefault((use.experiment, use.arm), {})[stage.id] = None
    return {arm: tuple(stages) for arm, stages in found.items()}


def _same(one: Resolved, other: Resolved) -> Diagnostic:
    message = f"the experiments '{one.base.name}' and '{other.base.name}' are the same but for their names"
    help = "remove one, or change what it was meant to change; they share every stage"
    if one.path == other.path:
        return other.family.merged.at(("matrix",)).key_fault(
            "W401", message, help, severity="warning"
        )
    return other.node.at(("name",)).fault("W401", message, help, severity="warning")
