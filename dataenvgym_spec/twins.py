"""Experiments that are one: arms of a spec, points of a sweep, and specs that resolve to the same. Warnings; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from dataenvgym_spec.errors import Diagnostic
from dataenvgym_spec.resolve import Arm, Resolved


def check(specs: Iterable[Resolved]) -> Iterator[Diagnostic]:
    """Names both of each pair; the second is where the warning points."""
    first: dict[tuple[bytes, ...], Resolved] = {}
    for spec in specs:
        seen: dict[bytes, str] = {}
        for arm in spec.arms:
            other = seen.setdefault(_meaning(arm), arm.name)
            if other != arm.name:
                message = f"the arms '{other}' and '{arm.name}' resolve to the same experiment"
                node = spec.node.at(("arms", arm.name))
                yield spec.family.annotate(node.key_fault("W401", message, "remove one, or change what it was meant to change", severity="warning"))
        same = first.setdefault(tuple(part for arm in spec.arms for part in (arm.name.encode(), _meaning(arm))), spec)
        if same is not spec:
            yield spec.family.annotate(_same(same, spec))


def _same(one: Resolved, other: Resolved) -> Diagnostic:
    message = f"the experiments '{one.base.name}' and '{other.base.name}' are the same but for their names"
    help = "remove one, or change what it was meant to change; they share every stage"
    if one.path == other.path:
        return other.family.merged.at(("matrix",)).key_fault("W401", message, help, severity="warning")
    return other.node.at(("name",)).fault("W401", message, help, severity="warning")


def _meaning(arm: Arm) -> bytes:
    """What an arm says, less what an experiment is called; the report's questions belong to it."""
    return msgspec.json.encode(msgspec.structs.replace(arm.experiment, name="", description=""))
