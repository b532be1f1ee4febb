"""Assigns items to skills, so that no item can tell of another one.

A discovery sees one item at a time, and nothing that it does to itself outlives the item.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.skills.protocol import Discovered, Discovery
from dataenvgym_spec.gym.teachers.protocol import Ask
from dataenvgym_spec.records.items import Item

AGAIN: Final = 5
"""How many items, far from each other, are assigned once more, after all and the last one first."""


def assigned(discovery: Discovery, items: Sequence[Item], skills: Discovered) -> dict[str, str]:
    """The name of the skill of every item, by its id.

    Raises:
        StageError: a name is not one of the list, or depends on what else was assigned.
    """
    text = msgspec.json.encode(skills)
    said = {item.id: _said(discovery, item, text) for item in items}
    apart = items[:: 1 + len(items) // AGAIN]
    for item in reversed(apart):
        if _said(discovery, item, text) != said[item.id]:
            name = type(discovery).__name__
            message = f"the discovery {name} answers '{item.id}' otherwise after other items"
            help = "each item is assigned alone: `assign` keeps nothing of an item"
            raise StageError(message, help=help)
    names = {**said, **_answered(discovery, said, skills)}
    return {item.id: _listed(discovery, item, names[item.id], skills) for item in items}


def _said(discovery: Discovery, item: Item, text: bytes) -> str | Ask:
    """What a copy of its own says of an item, handed a list of its own."""
    said = copy.copy(discovery).assign(item, msgspec.json.decode(text, type=Discovered))
    return msgspec.structs.replace(said, id=item.id) if isinstance(said, Ask) else said


def _answered(discovery: Any, said: dict[str, str | Ask], skills: Discovered) -> dict[str, str]:
    """The names that a teacher gives where a discovery asks for them, each question alone."""
    asks = [ask for ask in said.values() if isinstance(ask, Ask)]
    if not asks:
        return {}
    replies = discovery.teacher.answer(asks)
    return {reply.ask: copy.copy(discovery).read(reply, skills) for reply in replies}


def _listed(discovery: Discovery, item: Item, name: Any, skills: Discovered) -> str:
    """A name that is in the list, or the fallback.

    Raises:
        StageError: it is not.
    """
    if name in skills.skills or (name is not None and name == skills.fallback):
        return str(name)
    message = f"the discovery {type(discovery).__name__} assigns '{item.id}' to no skill that was "
    message += "found"
    raise StageError(message, help="`assign` gives one of the names in `skills`, or the fallback")
