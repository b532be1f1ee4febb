"""A discovery that divides the shown items into groups has more of them than groups."""

from __future__ import annotations

from collections.abc import Iterator

from dataenvgym_spec.compile.rules.supply import supply
from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.places import named
from dataenvgym_spec.resolve.arms import Arm


def check(arm: Arm) -> Iterator[Diagnostic]:
    """More groups (`x-clusters`) than items can be shown."""
    skills, shown = arm.experiment.skills, _shown(arm)
    if skills is None or shown is None:
        return
    for path in definition("discovery", skills.discover["kind"]).marked("x-clusters"):
        for place, number in named(skills.discover, path):
            if number >= shown:
                message = f"{number} skills cannot be made of {shown} shown items"
                help = "ask for fewer, draw more feedback, or show more of it (feedback.show)"
                yield arm.node.at(("skills", "discover", *place)).fault("E204", message, help)


def _shown(arm: Arm) -> int | None:
    """How many items feedback shows, about; None if that is not known before they are drawn."""
    feedback = arm.experiment.task.splits.feedback
    draw = feedback.draw
    if isinstance(draw, str):
        return None
    amount = draw.items
    if draw.per_group is not None:
        source = supply(arm, feedback.from_)
        groups = source.sizes if source is not None else {}
        amount = draw.per_group * len(groups) or None
    return None if amount is None else round(amount * feedback.show)
