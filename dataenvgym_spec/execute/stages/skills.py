"""Finds the skills that make up the task, and the skill of every feedback item."""

from __future__ import annotations

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.params import SkillsParams
from dataenvgym_spec.gym.skills.protocol import Discovery
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import SkillMap


def skills(context: Context[SkillsParams]) -> None:
    """Writes the skills and the skill of every item."""
    items = context.all("items", "items.jsonl", Item)
    discovery: Discovery = context.make(context.params.discover)
    of_item = dict(discovery.assign(items))
    without = [item.id for item in items if item.id not in of_item]
    if without:
        name = type(discovery).__name__
        raise StageError(
            f"the discovery {name} gave {len(without)} of {len(items)} items no skill",
            help=f"it must give one to every item; the first without one is {without[0]}",
        )
    names = tuple(sorted(set(of_item.values())))
    context.write("skills", "skills.json", SkillMap(skills=names, items=of_item))
    context.record(skills=len(names), items=len(items))
