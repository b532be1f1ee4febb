"""Finds the skills that make up the task, and the skill of every feedback item."""

from __future__ import annotations

from dataenvgym_spec.execute.context import Context
from dataenvgym_spec.language.components import make
from dataenvgym_spec.records.files import read_rows, write_json
from dataenvgym_spec.records.items import Item


def skills(context: Context) -> None:
    """Writes the skills and the skill of every item."""
    items = [
        Item(**row)
        for read in context.ports("items")
        for row in read_rows(read.path / "items.jsonl")
    ]
    of_item: dict[str, str] = make("discovery", context.params["discover"]).assign(items)
    names = sorted(set(of_item.values()))
    write_json(context.out("skills", "skills.json"), {"skills": names, "items": of_item})
    context.record(skills=len(names), items=len(items))
