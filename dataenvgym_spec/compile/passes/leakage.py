"""Proves that no sealed item reaches an agent and that a blind arm is blind; reports each violation with its path.

Every port carries the roles of what it is computed from, transitively. `kinds` declares which roles a slot may receive and
where a role ends; this pass only does the sums. Where in a spec the cause lies is said by `blame`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.kinds import HASHES, SPLITS, Role

Route = tuple["Route | None", Stage]
"""How a role came to a port: the stage it came through last, and the route to there. A list that shares its tails."""

Taints = dict[tuple[str, str], dict[Role, Route]]
"""For a port `(stage, port)`: each role it carries, with its route."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A role that reaches a slot which may not receive it.

    Attributes:
        role: what must not come here.
        slot: where it is plugged in.
        path: the stages from the one where the role begins to the reader.
        onward: the slots that it reaches by way of this one, and may not receive it either.
    """

    role: Role
    slot: str
    path: tuple[Stage, ...]
    onward: tuple[Leak, ...] = ()

    @property
    def reader(self) -> Stage:
        """The stage that reads what it may not."""
        return self.path[-1]

    @property
    def blind(self) -> bool:
        """Whether it is a student that reaches an agent which observes nothing."""
        return self.role in ("student", "weights") and self.reader.params.blind

    @property
    def what(self) -> str:
        """The role in words."""
        known = {
            "student": "a student's behaviour",
            "weights": "a student",
            **{role: f"hashes of the {role[1:]} split" for role in HASHES},
        }
        return known.get(self.role) or (
            f"the {self.role} split" if self.role in SPLITS else f"'{self.role}'"
        )

    @property
    def shown(self) -> str:
        """The path in words: `test -> plan 1 -> generate 1`."""
        return " -> ".join(map(_name, self.path))

    @property
    def message(self) -> str:
        """What is wrong, in one arm that it is wrong in."""
        return self.told(self.reader.uses[0].arm if self.reader.uses else "")

    def told(self, arm: str) -> str:
        """What is wrong, said of an arm."""
        of = f" of arm '{arm}'" if arm else ""
        reason = ", which observes nothing" if self.blind else ""
        return f"{self.what} reaches '{self.slot}' of {self.reader.kind}{of}{reason}: {self.shown}"


def leakage(graph: Graph) -> list[Leak]:
    """All flows into slots that may not receive them; one that only continues another is told with it."""
    found: list[Leak] = []
    taints: Taints = {}
    for stage in graph.stages:
        found += _violations(stage, taints)
        _propagate(stage, taints)
    return _gathered(found)


def roles(graph: Graph) -> Taints:
    """The roles that every port of a graph carries."""
    taints: Taints = {}
    for stage in graph.stages:
        _propagate(stage, taints)
    return taints


def _violations(stage: Stage, taints: Taints) -> list[Leak]:
    found = []
    for item in stage.inputs:
        carried = taints[item.stage, item.port]
        if not (allowed := stage.declaration.allowed(item.slot, stage.params, carried)).issuperset(
            carried
        ):
            found += [
                Leak(role=role, slot=item.slot, path=(*_stages(carried[role]), stage))
                for role in sorted(carried)
                if role not in allowed
            ]
    return found


def _gathered(found: Iterable[Leak]) -> list[Leak]:
    """Each leak with those that continue it: their path leads along the whole of its path."""
    first: dict[tuple[str, ...], list[Leak]] = {}
    onward: dict[int, list[Leak]] = {}
    for leak in found:
        ids = tuple(stage.id for stage in leak.path)
        before = next(
            (first[ids[:end]][0] for end in range(1, len(ids)) if ids[:end] in first), None
        )
        if before is not None:
            onward.setdefault(id(before), []).append(leak)
        else:
            first.setdefault(ids, []).append(leak)
    return [
        replace(leak, onward=tuple(onward.get(id(leak), ())))
        for leaks in first.values()
        for leak in leaks
    ]


def _propagate(stage: Stage, taints: Taints) -> None:
    kind = stage.declaration
    carried: dict[Role, Route] = {}
    for item in stage.inputs:
        for role, route in taints[item.stage, item.port].items():
            if role not in carried:
                carried[role] = (route, stage)
    for role, becomes in kind.turns.items():
        if role in carried:  # the nearest cause, whatever else brought the same
            carried[becomes] = carried.pop(role)
    for port in stage.ports:
        out = {**dict.fromkeys(kind.adds(stage.params, port), (None, stage)), **carried}
        for role in kind.drops(stage.params, port):
            out.pop(role, None)
        taints[stage.id, port] = out


def _stages(route: Route | None) -> list[Stage]:
    stages = []
    while route is not None:
        route, stage = route
        stages.append(stage)
    return stages[::-1]


def _name(stage: Stage) -> str:
    """What a path calls a stage: a split by its role, a stage of the loop with its iteration and round."""
    if stage.kind == "data":
        return str(stage.plain["role"])
    use = stage.uses[0] if stage.uses else None
    if use is None or use.iteration is None or not use.what.startswith(stage.kind):
        return stage.kind
    return f"{stage.kind}{f' {use.iteration}' if use.iteration else ''}{use.what.removeprefix(stage.kind)}"
