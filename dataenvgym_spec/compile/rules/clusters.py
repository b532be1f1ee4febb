"""A discovery that divides items into groups has more of them than groups."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.language.skills import Skills
from dataenvgym_spec.language.task import Draw
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """More groups (`x-clusters`) than items that they are made of."""
    skills = arm.experiment.skills
    items = None if skills is None else _items(arm, skills)
    if skills is None or items is None:
        return
    for path in definition("discovery", skills.discover["kind"]).marked("x-clusters"):
        for place, number in named(skills.discover, path):
            if number >= items:
                which = "items of the pool" if skills.of_pool else "shown items"
                message = f"{number} skills cannot be made of {items} {which}"
                help = "ask for fewer, draw more feedback, or show more of it (feedback.show)"
                if skills.of_pool:
                    help = "ask for fewer, or draw a larger pool"
                yield arm.node.at(("skills", "discover", *place)).fault("E204", message, help)


def _items(arm: Arm, skills: Skills) -> int | None:
    """How many items skills are made of, about; None if that is not known before they are drawn."""
    splits = arm.experiment.task.splits
    if skills.of_pool:
        return None if splits.pool is None else _drawn(arm, splits.pool.from_, splits.pool.draw)
    amount = _drawn(arm, splits.feedback.from_, splits.feedback.draw)
    return None if amount is None else round(amount * splits.feedback.show)


def _drawn(arm: Arm, name: str, draw: Draw | str) -> int | None:
    """How many items a split draws from a source."""
    if isinstance(draw, str):
        return None
    if draw.per_group is None:
        return draw.items
    source = supply(arm, name)
    groups = source.sizes if source is not None else {}
    return draw.per_group * len(groups) or None
