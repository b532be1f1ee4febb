"""Assigns items to skills that were found before: each alone, to one name of a closed list."""

from __future__ import annotations

from dataenvgym_spec.execute.assigning import assigned
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.skill_params import AssignParams
from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.gym.skills.quality import quality
from dataenvgym_spec.records.files import read, write_json
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import SkillMap


def assign(context: Context[AssignParams]) -> None:
    """Writes the skills, and the skill of every item; those that have one keep it.

    An item with a fallback that is not listed is left out.
    """
    found = read(context.path("skills", "skills.json"), Discovered)
    items = context.all("items", "items.jsonl", Item)
    discovery = context.make(context.params.discover)
    rest = [item for item in items if item.id not in found.items]
    names = {**found.items, **assigned(discovery, rest, found)}
    # Skills of the pool bring its items along, which are none of these.
    own = {item.id for item in items}
    listed = {id: name for id, name in names.items() if id in own and name in found.skills}
    whole = SkillMap(
        skills=found.skills, items=listed, descriptions=found.descriptions, groups=found.groups
    )
    context.write("skills", "skills.json", whole)
    measured = quality(items, names, found.skills, found.fallback)
    write_json(context.log / "quality.json", measured)
    context.record(skills=len(found.skills), items=len(items))
