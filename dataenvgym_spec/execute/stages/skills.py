"""Finds the skills that make up the task, from the shown items of feedback or the pool."""

from __future__ import annotations

from collections import Counter

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.graph.skill_params import SkillsParams
from dataenvgym_spec.gym.skills.protocol import Discovered, Discovery
from dataenvgym_spec.gym.skills.quality import quality
from dataenvgym_spec.records.files import read_all, write_json
from dataenvgym_spec.records.items import Item


def skills(context: Context[SkillsParams]) -> None:
    """Writes the skills, and the skill of every item that they were made from."""
    items = _items(context)
    discovery: Discovery = context.make(context.params.discover)
    found = discovery.discover(items)
    require_whole(found, items, type(discovery).__name__)
    if not context.params.of_source:
        found = msgspec.structs.replace(found, groups=groups_of(found, items))
    context.write("skills", "skills.json", found)
    measured = quality(items, found.items, found.skills, found.fallback)
    write_json(context.log / "quality.json", measured)
    context.record(skills=len(found.skills), items=len(items))


def _items(context: Context[SkillsParams]) -> list[Item]:
    """The shown items; of hidden ones, which only groups of the source are made of, the groups."""
    items = []
    for port in context.ports("items"):
        for item in read_all(port.path / "items.jsonl", Item):
            items.append(_bare(item) if port.port == "hidden" else item)
    return items


def _bare(item: Item) -> Item:
    """An item without anything that it asks or answers."""
    return Item(id=item.id, input="", target="", group=item.group, cluster="")


def groups_of(found: Discovered, items: list[Item]) -> dict[str, dict[str, int]] | None:
    """How many items of each skill are in which group of the source; None if it names none."""
    counts: dict[str, Counter[str]] = {}
    for item in items:
        if item.group:
            counts.setdefault(found.items[item.id], Counter())[item.group] += 1
    groups = {}
    for skill, mine in sorted(counts.items()):
        groups[skill] = dict(sorted(mine.items()))
    return groups or None


def require_whole(found: Discovered, items: list[Item], name: str) -> None:
    """Checks that a discovery gave skills that have names, and every item one of them.

    Raises:
        StageError: it did not.
    """
    without = [item.id for item in items if item.id not in found.items]
    if without:
        raise StageError(
            f"the discovery {name} gave {len(without)} of {len(items)} items no skill",
            help=f"it must give one to every item; the first without one is {without[0]}",
        )
    named = {*found.items.values(), *(found.descriptions or {})}
    unlisted = sorted(named - {*found.skills})
    if unlisted:
        message = f"the discovery {name} uses the skill '{unlisted[0]}', which it does not list"
        raise StageError(message, help="every skill that an item has is one of `skills`")
    if len(set(found.skills)) < len(found.skills) or not all(found.skills):
        message = f"the discovery {name} gave two skills one name, or a skill none"
        raise StageError(message, help="names of skills differ and are not empty")
