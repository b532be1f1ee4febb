"""Assigns items to skills that were found before: each alone, to one name of a closed list."""

from __future__ import annotations

from dataenvgym_spec.execute.assigning import assigned
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.params import AssignParams
from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import SkillMap


def assign(context: Context[AssignParams]) -> None:
    """Writes the skills, and the skill of every item; those of shown items stay as they are."""
    found = read(context.path("skills", "skills.json"), Discovered)
    items = context.all("items", "items.jsonl", Item)
    discovery = context.make(context.params.discover)
    names = assigned(discovery, [item for item in items if item.id not in found.items], found)
    whole = SkillMap(
        skills=found.skills, items={**found.items, **names}, descriptions=found.descriptions
    )
    context.write("skills", "skills.json", whole)
    context.record(skills=len(found.skills), items=len(items))
