"""Arms that watch another arm's students, or are taught what was made for it, can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dataenvgym_spec.compile.lower.linked import named
from dataenvgym_spec.core.errors import Diagnostic, suggest
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm, Resolved

Fault = tuple[str, str]
"""What is wrong, and what to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """That an arm has something of another one, and where the spec says so."""

    arm: Arm
    name: str
    node: Node


def check(resolved: Resolved) -> Iterator[Diagnostic]:
    """Errors about `data_from` and about `agent.observe.student`, at the name of the other arm."""
    arms = {arm.name: arm for arm in resolved.arms}
    seeds = len(resolved.base.seeds.runs())
    for arm in arms.values():
        links = list(_links(arm))
        unknown = [link for link in links if link.name not in arms]
        for link in unknown:
            message = f"there is no arm '{link.name}'"
            yield link.node.fault("E201", message, suggest(link.name, arms))
        if unknown or not links:
            continue
        # An arm that is taught another one's data has no agent that could watch a student.
        link = links[0]
        fault = _circle(link, arms)
        if fault is None and arm.experiment.data_from is not None:
            fault = _borrows(arm, arms[link.name])
        elif fault is None:
            fault = _watches(arm, arms[link.name], seeds)
        if fault is not None:
            message, remedy = fault
            yield link.node.fault("E204", message, remedy)


def _links(arm: Arm) -> Iterator[_Link]:
    """Whose data an arm is taught, and whose students its agent would watch."""
    data, yoke = arm.experiment.data_from, arm.experiment.agent.yoke
    if data is not None:
        yield _Link(arm=arm, name=data.arm, node=arm.node.at(("data_from", "arm")))
    if yoke is not None:
        place = ("agent", "observe", "student", "arm")
        yield _Link(arm=arm, name=yoke.arm, node=arm.node.at(place))


def _circle(link: _Link, arms: Mapping[str, Arm]) -> Fault | None:
    """An arm that has something of itself, be it by way of others."""
    if link.name == link.arm.name:
        remedy = "name another arm, or say it in the arm that it is meant for"
        return f"'{link.name}' is this arm itself", remedy
    passed, name = [link.arm.name], link.name
    while name in arms and name not in passed:
        passed.append(name)
        name = next(named(arms[name]), "")
    if name != link.arm.name:
        return None
    way = " -> ".join([*passed, name])
    return f"arms go round in a circle: {way}", "let one of them have nothing of the others"


def _borrows(arm: Arm, other: Arm) -> Fault | None:
    """What is wrong with data of another arm."""
    mine, theirs = arm.experiment.loop, other.experiment.loop
    if other.experiment.data_from is not None:
        message = f"the agent of '{other.name}' makes no data: it is taught that of another arm"
        return message, f"name '{other.experiment.data_from.arm}'"
    if mine.iterations > theirs.iterations:
        return _fewer(mine.iterations, other), "run at most as many iterations"
    if mine.stop != theirs.stop:
        message = f"data of '{other.name}' ends when that arm stops, whatever 'stop' says here"
        return message, "give both arms the same 'loop.stop', or none"
    if mine.teach.equal or theirs.teach.equal:
        message = "amounts cannot be equal in an arm that is taught another arm's data"
        return message, "leave out 'loop.teach.equal' in both arms"
    return None


def _watches(arm: Arm, other: Arm, seeds: int) -> Fault | None:
    """What is wrong with watching students of another arm."""
    iterations = arm.experiment.loop.iterations
    if seeds < 2:
        message = f"there is no other run of '{other.name}' to watch: the spec has one run seed"
        return message, "list at least two: seeds: {run: [0, 1]}"
    if iterations - 1 > other.experiment.loop.iterations:
        return _fewer(iterations, other), "run at most one iteration more"
    return None


def _fewer(iterations: int, other: Arm) -> str:
    theirs = other.experiment.loop.iterations
    return f"'{other.name}' runs {theirs} iterations, and this arm {iterations}"
