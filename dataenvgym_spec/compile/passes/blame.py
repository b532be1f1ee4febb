"""Where in a spec a forbidden flow comes from. The pass that finds flows knows stages only; who named them is known here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dataenvgym_spec.compile.passes.leakage import Leak
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm, Resolved

Cause = tuple[str, str, Node]
"""A component that reads what its arm may not: its slot, its kind, and where the spec names it."""


def blame(leaks: Iterable[Leak], specs: Iterable[Resolved]) -> tuple[Diagnostic, ...]:
    """Each leak at the place in each spec and arm that causes it; of what happens in every iteration the first."""
    known = {spec.base.name: spec for spec in specs}
    found: dict[tuple[str, str, str, str, str], Diagnostic] = {}
    for leak in leaks:
        if not leak.reader.uses:
            found[leak.shown, leak.slot, "", "", ""] = _diagnostic(leak)
        for use in leak.reader.uses:
            place = (use.experiment, use.arm, leak.reader.kind, leak.slot, leak.role)
            if place not in found:
                found[place] = _located(leak, known[use.experiment], use.arm)
    return tuple(found.values())


def _located(leak: Leak, spec: Resolved, name: str) -> Diagnostic:
    arm = next(arm for arm in spec.arms if arm.name == name)
    cause = next(_causes(leak, arm), None) if leak.blind else None
    observe = arm.node.at(("agent", "observe"))
    if cause is None:
        told = _diagnostic(leak, name)
        return spec.family.annotate(replace(told, span=observe.span)) if leak.blind else told
    slot, kind, node = cause
    remedy = (
        f"turn it off in this arm ({kind}: {{action: off}})"
        if slot == "check"
        else f"choose another {slot} in this arm"
    )
    told = replace(
        _diagnostic(leak, name),
        span=node.span,
        help=f"the {slot} '{kind}' reads a student: {remedy}, or let the arm observe the student",
    )
    told = spec.family.annotate(told)
    return replace(
        told, notes=(*told.notes, f"'observe: nothing' is said at {observe.span}", *_onward(leak))
    )


def _diagnostic(leak: Leak, arm: str | None = None) -> Diagnostic:
    help = (
        "remove that edge, or observe the student openly"
        if leak.blind
        else f"nothing computed from {leak.what} may flow there"
    )
    return Diagnostic(
        code="E301", message=leak.message if arm is None else leak.told(arm), help=help
    )


def _causes(leak: Leak, arm: Arm) -> Iterator[Cause]:
    """The components that the stage reads a student for, by the slot that it comes through."""
    agent = arm.experiment.agent
    slots = {
        ("plan", "student"): "policy",
        ("plan", "base"): "policy",
        ("generate", "student"): "engine",
        ("generate", "base"): "engine",
    }
    slot = slots.get((leak.reader.kind, leak.slot))
    if slot is not None:
        kind = str((agent.policy if slot == "policy" else agent.engine)["kind"])
        yield slot, kind, arm.node.at(("agent", slot, "kind"))
    if (leak.reader.kind, leak.slot) == ("check", "answers"):
        for name, options in agent.checks.items():
            if definition("check", name).reads == "student" and options["action"] != "off":
                node = arm.node.at(("agent", "checks", name))
                yield "check", name, replace(node, span=node.key or node.span)


def _onward(leak: Leak) -> Iterator[str]:
    """Which other kinds of stage it reaches from there, such as the refill that a check causes."""
    told = {leak.reader.kind}
    for other in leak.onward:
        if other.reader.kind not in told:
            told.add(other.reader.kind)
            yield f"from there it reaches '{other.slot}' of {other.reader.kind}: {other.shown}"
