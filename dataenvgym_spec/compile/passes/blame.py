"""Where in a spec a forbidden flow comes from.

The pass that finds flows knows stages only; which component of which arm asked for them is known
here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from dataenvgym_spec.compile.passes.leakage import Leak
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.language.source import Node
from dataenvgym_spec.resolve.arms import Arm, Resolved

WATCHING: Final = ("student", "base")
"""What a component reads that looks at a student."""
ASKING: Final = {
    "plan": ("policy", "environment", "proposer"),
    "generate": ("engine",),
    "check": ("check",),
}
"""The slots of the components by which a stage asks teachers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A component that reads what its arm may not, and where the spec names it.

    Attributes:
        slot: of the component; `arm` where it is another arm.
        kind: its kind, or of a teacher its name in the spec.
        node: where the spec says so.
        asker: of a teacher, who asks it.
    """

    slot: str
    kind: str
    node: Node
    asker: str = ""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.slot == "arm":
            taken = f"what is made for '{self.kind}' is made by watching a student"
            return f"{taken}: take the data of a blind arm, or let this arm observe the student"
        if self.slot == "teacher":
            asked = f"the {self.asker} asks '{self.kind}', which is a student"
            return f"{asked}: name another teacher in this arm, or let the arm observe the student"
        remove = f"choose another {self.slot} in this arm"
        if self.slot == "check":
            remove = f"turn it off in this arm ({self.kind}: {{action: off}})"
        reads = f"the {self.slot} '{self.kind}' reads a student"
        return f"{reads}: {remove}, or let the arm observe the student"


def blame(leaks: Iterable[Leak], specs: Iterable[Resolved]) -> tuple[Diagnostic, ...]:
    """One diagnostic per leak and arm, located at its cause.

    A leak that is repeated in every iteration is reported once.
    """
    by_name = {spec.base.name: spec for spec in specs}
    found: dict[tuple[str, ...], Diagnostic] = {}
    for leak in leaks:
        if not leak.reader.uses:
            found[leak.shown, leak.slot] = _diagnostic(leak)
        for use in leak.reader.uses:
            if leak.blind and not (use.blind or leak.reader.params.blind):
                continue  # another arm, that shares the stage and may see the student
            place = (use.experiment, use.arm, leak.reader.kind, leak.slot, leak.role)
            if place not in found:
                found[place] = _located(leak, by_name[use.experiment], use.arm)
    return tuple(found.values())


def _located(leak: Leak, spec: Resolved, name: str) -> Diagnostic:
    if not leak.blind:
        return _diagnostic(leak, name)
    arm = next(arm for arm in spec.arms if arm.name == name)
    observe = arm.node.at(("agent", "observe"))
    cause = next(_causes(leak, arm), None)
    if cause is None:
        return spec.family.annotate(replace(_diagnostic(leak, name), span=observe.span))
    located = replace(_diagnostic(leak, name), span=cause.node.span, help=cause.remedy)
    located = spec.family.annotate(located)
    said = f"'observe: nothing' is said at {observe.span}"
    return replace(located, notes=(*located.notes, said, *_onward(leak)))


def _diagnostic(leak: Leak, arm: str | None = None) -> Diagnostic:
    message = leak.message if arm is None else leak.told(arm)
    remedy = f"nothing computed from {leak.what} may flow there"
    if leak.blind:
        remedy = "remove that edge, or observe the student openly"
    return Diagnostic(code="E301", message=message, help=remedy)


def _causes(leak: Leak, arm: Arm) -> Iterator[Cause]:
    """The components that the stage reads a student for, in the slot that it comes through."""
    agent, data = arm.experiment.agent, arm.experiment.data_from
    if leak.slot == "accepted" and data is not None:
        yield Cause(slot="arm", kind=data.arm, node=arm.node.at(("data_from", "arm")))
    if leak.slot == "answers":
        for name, options in agent.checks.items():
            if definition("check", name).reads == "student" and options["action"] != "off":
                node = arm.node.at(("agent", "checks", name))
                yield Cause(slot="check", kind=name, node=replace(node, span=node.key or node.span))
        return
    if leak.slot == "skills":
        yield from _asked(arm, ("discovery",))
    if leak.slot not in ("student", "base"):
        return
    for field, component in leak.reader.params.components():
        # What an agent is made of is called in a spec as in a stage's parameters.
        if component.slot != "check" and component.reads in WATCHING:
            holder = () if component.slot == "environment" else ("agent",)
            place = (*holder, field, "kind")
            yield Cause(slot=component.slot, kind=component.kind, node=arm.node.at(place))
    yield from _asked(arm, ASKING.get(leak.reader.kind, ()))


def _asked(arm: Arm, slots: Collection[str]) -> Iterator[Cause]:
    """The students that components of some slots ask as their teachers."""
    for slot, place, options in arm.experiment.components():
        if slot not in slots or options.get("action") == "off":
            continue
        asker = definition(slot, options["kind"])
        for part in asker.parts:
            if part.slot != "teacher":
                continue
            for path, name in named(options, part.path):
                teacher = arm.experiment.referred("teacher", name)
                if teacher is None:
                    continue
                if definition("teacher", teacher["kind"]).read_with(teacher) in WATCHING:
                    node = arm.node.at((*place, *path))
                    by = f"{slot} '{asker.kind}'"
                    yield Cause(slot="teacher", kind=name, node=node, asker=by)


def _onward(leak: Leak) -> Iterator[str]:
    """Which other kinds of stage it reaches from there, such as the refill that a check causes."""
    mentioned = {leak.reader.kind}
    for other in leak.onward:
        if other.reader.kind not in mentioned:
            mentioned.add(other.reader.kind)
            slot = f"'{other.slot}' of {other.reader.kind}"
            yield f"from there it reaches {slot}: {other.shown}"
