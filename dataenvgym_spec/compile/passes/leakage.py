"""Proves that no sealed item reaches an agent and that a blind arm is blind.

Every port carries the roles of what it is computed from, transitively. `kinds` declares which roles
a slot may receive and where a role ends; this pass only does the sums. Where in a spec the cause is
belongs to `blame`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.kind import Role
from dataenvgym_spec.graph.kinds import HASHES, SPLITS
from dataenvgym_spec.graph.params import DataParams

Route = tuple["Route | None", Stage]
"""How a role came to a port.

It is the stage that it came through last, with the route to there: a list that shares its tails."""

Taints = dict[tuple[str, str], dict[Role, Route]]
"""For a port `(stage, port)`: each role it carries, with its route."""

_IN_WORDS: Final[dict[Role, str]] = {
    "student": "a student's behaviour",
    "weights": "a student",
    "pool": "the pool",
    "label": "labels of a split that no agent sees",
    "copy": "a copy for the noise floor",
    **{role: f"hashes of the {role[1:]} split" for role in HASHES},
    **{role: f"the {role} split" for role in SPLITS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A role that reaches a slot which may not receive it.

    Attributes:
        role: what must not come here.
        slot: where it is plugged in.
        path: the stages from the one where the role begins to the reader.
        onward: leaks that continue this one.
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
        guarded = self.reader.blind and self.reader.declaration.guards(self.slot)
        return guarded and self.role in ("student", "weights")

    @property
    def what(self) -> str:
        """The role in words."""
        return _IN_WORDS.get(self.role, f"'{self.role}'")

    @property
    def shown(self) -> str:
        """The path in words: `test -> plan 1 -> generate 1`."""
        return " -> ".join(_name(stage) for stage in self.path)

    @property
    def message(self) -> str:
        """What is wrong, in one arm that it is wrong in."""
        uses = self.reader.uses
        return self.told(uses[0].arm if uses else "")

    def told(self, arm: str) -> str:
        """What is wrong in an arm."""
        of = f" of arm '{arm}'" if arm else ""
        reason = ", which observes nothing" if self.blind else ""
        reader = f"'{self.slot}' of {self.reader.kind}{of}{reason}"
        return f"{self.what} reaches {reader}: {self.shown}"


def leakage(graph: Graph) -> list[Leak]:
    """All flows into slots that may not receive them, each with those that continue it."""
    leaks: list[Leak] = []
    taints: Taints = {}
    for stage in graph.stages:
        leaks += _violations(stage, taints)
        _propagate(stage, taints)
    return _gathered(leaks)


def roles(graph: Graph) -> Taints:
    """The roles that every port of a graph carries."""
    taints: Taints = {}
    for stage in graph.stages:
        _propagate(stage, taints)
    return taints


def _violations(stage: Stage, taints: Taints) -> Iterator[Leak]:
    kind, params, blind = stage.declaration, stage.params, stage.blind
    for item in stage.inputs:
        carried = taints[item.stage, item.port]
        more = carried.keys() - kind.allowed(item.slot, params, carried, blind=blind)
        for role in sorted(more) if more else ():
            path = (*_stages(carried[role]), stage)
            yield Leak(role=role, slot=item.slot, path=path)


def _gathered(leaks: Iterable[Leak]) -> list[Leak]:
    """Each leak with those that continue it: their path leads along the whole of its path."""
    first: dict[tuple[str, ...], list[Leak]] = {}
    onward: dict[int, list[Leak]] = {}
    for leak in leaks:
        ids = tuple(stage.id for stage in leak.path)
        before = _before(ids, first)
        if before is not None:
            onward.setdefault(id(before), []).append(leak)
        else:
            first.setdefault(ids, []).append(leak)
    causes = [leak for with_one_path in first.values() for leak in with_one_path]
    return [replace(leak, onward=tuple(onward.get(id(leak), ()))) for leak in causes]


def _before(ids: tuple[str, ...], first: dict[tuple[str, ...], list[Leak]]) -> Leak | None:
    """The leak whose path is a beginning of another path."""
    for end in range(1, len(ids)):
        if ids[:end] in first:
            return first[ids[:end]][0]
    return None


def _propagate(stage: Stage, taints: Taints) -> None:
    """Adds the roles that a stage's ports carry."""
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
        begins: dict[Role, Route] = dict.fromkeys(kind.adds(stage.params, port), (None, stage))
        routes = begins | carried
        for role in kind.drops(stage.params, port):
            routes.pop(role, None)
        taints[stage.id, port] = routes


def _stages(route: Route | None) -> list[Stage]:
    """The stages of a route, from where the role begins."""
    stages = []
    while route is not None:
        route, stage = route
        stages.append(stage)
    return stages[::-1]


def _name(stage: Stage) -> str:
    """What a path calls a stage.

    A split is called by its role, a stage of the loop with its iteration and round.
    """
    if isinstance(stage.params, DataParams):
        return stage.params.role
    use = stage.uses[0] if stage.uses else None
    if use is None or use.iteration is None or not use.what.startswith(stage.kind):
        return stage.kind
    number = f" {use.iteration}" if use.iteration else ""
    return f"{stage.kind}{number}{use.what.removeprefix(stage.kind)}"
