"""Proves that no sealed item reaches an agent and that a blind arm is blind; reports each violation with its path.

Every port carries the roles of what it is computed from, transitively. `kinds` declares which roles a slot may receive and
where a role ends; this pass only does the sums.
"""

from __future__ import annotations

from dataenvgym_spec.errors import Diagnostic
from dataenvgym_spec.ir import Graph, Stage
from dataenvgym_spec.kinds import Role

Taints = dict[tuple[str, str], dict[Role, tuple[str, ...]]]
"""For a port `(stage, port)`: each role it carries, with the stages the role came through."""


def leakage(graph: Graph) -> list[Diagnostic]:
    """All flows into slots that may not receive them."""
    found: list[Diagnostic] = []
    taints: Taints = {}
    for stage in graph.stages:
        found += _violations(stage, taints)
        _propagate(stage, taints)
    return found


def roles(graph: Graph) -> Taints:
    """The roles that every port of a graph carries."""
    taints: Taints = {}
    for stage in graph.stages:
        _propagate(stage, taints)
    return taints


def _violations(stage: Stage, taints: Taints) -> list[Diagnostic]:
    found = []
    for item in stage.inputs:
        allowed = stage.declaration.allowed(item.slot, stage.params)
        for role, path in sorted(taints[item.stage, item.port].items()):
            if role not in allowed:
                found.append(_violation(stage, item.slot, role, path))
    return found


def _violation(stage: Stage, slot: str, role: Role, path: tuple[str, ...]) -> Diagnostic:
    what = f"the {role} split" if role != "student" else "a student's behaviour"
    arm = f" of arm '{stage.uses[0].arm}'" if stage.uses else ""
    blind = role == "student" and stage.params.get("observe") == "nothing"
    reason = ", which observes nothing" if blind else ""
    route = " -> ".join((*path, _name(stage)))
    return Diagnostic(
        code="E301",
        message=f"{what} reaches '{slot}' of {stage.kind}{arm}{reason}: {route}",
        help="remove that edge, or observe the student openly" if blind else f"nothing computed from {what} may flow there",
    )


def _propagate(stage: Stage, taints: Taints) -> None:
    kind = stage.declaration
    for port in stage.ports:
        carried: dict[Role, tuple[str, ...]] = {}
        for item in stage.inputs:
            for role, path in taints[item.stage, item.port].items():
                carried.setdefault(role, (*path, _name(stage)))
        for role in kind.adds(stage.params, port):
            carried.setdefault(role, (_name(stage),))
        for role in kind.drops(stage.params, port):
            carried.pop(role, None)
        taints[stage.id, port] = carried


def _name(stage: Stage) -> str:
    use = stage.uses[0] if stage.uses else None
    return f"{stage.kind} {use.iteration}" if use and use.iteration else stage.kind
