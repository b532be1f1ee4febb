"""Proves that no sealed item reaches an agent and that a blind arm is blind; reports each violation with its path.

Every port carries the roles of what it is computed from, transitively. `kinds` declares which roles a slot may receive and
where a role ends; this pass only does the sums.
"""

from __future__ import annotations

from dataenvgym_spec.errors import Diagnostic
from dataenvgym_spec.ir import Graph, Stage
from dataenvgym_spec.kinds import Role

Route = tuple["Route | None", Stage]
"""How a role came to a port: the stage it came through last, and the route to there. A list that shares its tails."""

Taints = dict[tuple[str, str], dict[Role, Route]]
"""For a port `(stage, port)`: each role it carries, with its route."""


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
        carried = taints[item.stage, item.port]
        if not stage.declaration.allowed(item.slot, stage.params).issuperset(carried):
            allowed = stage.declaration.allowed(item.slot, stage.params)
            found += [_violation(stage, item.slot, role, carried[role]) for role in sorted(carried) if role not in allowed]
    return found


def _violation(stage: Stage, slot: str, role: Role, came: Route) -> Diagnostic:
    what = f"the {role} split" if role != "student" else "a student's behaviour"
    arm = f" of arm '{stage.uses[0].arm}'" if stage.uses else ""
    blind = role == "student" and stage.params.get("observe") == "nothing"
    reason = ", which observes nothing" if blind else ""
    route = " -> ".join((*_names(came), _name(stage)))
    return Diagnostic(
        code="E301",
        message=f"{what} reaches '{slot}' of {stage.kind}{arm}{reason}: {route}",
        help="remove that edge, or observe the student openly" if blind else f"nothing computed from {what} may flow there",
    )


def _propagate(stage: Stage, taints: Taints) -> None:
    kind = stage.declaration
    carried: dict[Role, Route] = {}
    for item in stage.inputs:
        for role, route in taints[item.stage, item.port].items():
            if role not in carried:
                carried[role] = (route, stage)
    for port in stage.ports:
        out = {**dict.fromkeys(kind.adds(stage.params, port), (None, stage)), **carried}
        for role in kind.drops(stage.params, port):
            out.pop(role, None)
        taints[stage.id, port] = out


def _names(route: Route | None) -> list[str]:
    names = []
    while route is not None:
        route, stage = route
        names.append(_name(stage))
    return names[::-1]


def _name(stage: Stage) -> str:
    use = stage.uses[0] if stage.uses else None
    return f"{stage.kind} {use.iteration}" if use and use.iteration else stage.kind
