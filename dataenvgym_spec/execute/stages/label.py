"""Assigns items that no agent sees to skills that were found before, for the report alone."""

from __future__ import annotations

from dataenvgym_spec.execute.assigning import assigned
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.skill_params import LabelParams
from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.gym.skills.quality import quality
from dataenvgym_spec.records.files import read, write_json
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import SkillMap


def label(context: Context[LabelParams]) -> None:
    """Writes the skill of every item of a split; a fallback is one of them, listed or not."""
    found = read(context.path("skills", "skills.json"), Discovered)
    items = context.all("items", "items.jsonl", Item)
    names = assigned(context.make(context.params.discover), items, found)
    skills = tuple(dict.fromkeys((*found.skills, *names.values())))
    context.write(context.params.split, "labels.json", SkillMap(skills=skills, items=names))
    measured = quality(items, names, found.skills, found.fallback)
    write_json(context.log / "quality.json", measured)
    context.record(skills=len(skills), items=len(items))
