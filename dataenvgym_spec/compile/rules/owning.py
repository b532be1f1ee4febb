"""Splits that take all or the rest of a source: it has an end, and nobody else takes from it."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.task import AnySplit
from dataenvgym_spec.resolve.arms import Arm
from dataenvgym_spec.resolve.lanes import owners


def check(arm: Arm) -> Iterator[Diagnostic]:
    """What is wrong with splits whose draw is no number."""
    splits = arm.experiment.task.splits.drawn()
    own = {role: split for role, split in splits.items() if split.same_as is None}
    without_number = {role: split for role, split in own.items() if isinstance(split.draw, str)}
    for role, split in without_number.items():
        yield from _endless(arm, role, split)
        if split.share is not None:
            node = arm.node.at(("task", "splits", role, "share"))
            message = f"'{role}' draws {_takes(split)}, so 'share' has no meaning"
            yield node.key_fault("E204", message, "remove 'share', or draw a number of items")
    yield from _taken(arm, own)
    yield from _two_rests(arm, without_number)


def _takes(split: AnySplit) -> str:
    return "all of its source" if split.draw == "all" else "the rest of its source"


def _endless(arm: Arm, role: str, split: AnySplit) -> Iterator[Diagnostic]:
    source = supply(arm, split.from_)
    if source is not None and source.declared.procedural:
        message = f"'{role}' draws {_takes(split)}, but '{split.from_}' makes items without end"
        node = arm.node.at(("task", "splits", role, "draw"))
        yield node.fault("E202", message, "draw a number of items: {per_group: N} or {items: N}")


def _taken(arm: Arm, own: dict[str, AnySplit]) -> Iterator[Diagnostic]:
    """Splits of rows that another split is."""
    for owner, name in owners(arm).items():
        owned = supply(arm, name)
        if owned is None or owned.declared.procedural:
            continue
        for role, split in own.items():
            source = supply(arm, split.from_)
            if role == owner or source is None or source.rows() != owned.rows():
                continue
            message = f"'{owner}' is all of '{name}', so that nothing is left for '{role}'"
            help = f"let '{owner}' draw a number of items, or '{role}' draw from another source"
            yield arm.node.at(("task", "splits", role, "from")).fault("E202", message, help)


def _two_rests(arm: Arm, splits: dict[str, AnySplit]) -> Iterator[Diagnostic]:
    whole = owners(arm)
    rests = [role for role, split in splits.items() if split.draw == "rest" and role not in whole]
    for role in rests[1:]:
        message = f"'{rests[0]}' and '{role}' cannot both draw the rest"
        node = arm.node.at(("task", "splits", role, "draw"))
        yield node.fault("E202", message, "draw a number of items in one of them")
