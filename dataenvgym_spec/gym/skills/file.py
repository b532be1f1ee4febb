"""Skills as a file has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.skill_files import read_skill_file

REMEDY = (
    "add them to the file, or name a skill for such items: skills.discover.fallback "
    "(items are found by their id or their whole question)"
)


class SkillsOfFile:
    """The skill that a file gives an item.

    All skills of the file are skills of the task; so is the one for items that are not in it, if
    there are any.
    """

    def __init__(self, *, path: Path, fallback: str | None = None) -> None:
        self.file = read_skill_file(path)
        self.fallback = fallback

    def discover(self, items: Sequence[Item]) -> Discovered:
        """The skills of the file."""
        names = {item.id: self._skill(item) for item in items}
        unknown = [item for item in items if names[item.id] is None]
        if unknown:
            raise _unknown(unknown, len(items))
        items_of = {id: name for id, name in names.items() if name is not None}
        return Discovered(
            skills=tuple(dict.fromkeys((*self.file.skills, *items_of.values()))),
            items=items_of,
            fallback=self.fallback,
            descriptions=dict(self.file.descriptions) or None,
        )

    def assign(self, item: Item, skills: Discovered) -> str:
        """The skill of one item."""
        name = self._skill(item)
        if name is None:
            raise _unknown([item], 1)
        return name

    def _skill(self, item: Item) -> str | None:
        return self.file.of(item.id, item.input) or self.fallback


def _unknown(items: Sequence[Item], of: int) -> StageError:
    first = f"'{items[0].input[:80]}' ({items[0].id})"
    message = f"the file of skills does not know {len(items)} of {of} items, such as {first}"
    return StageError(message, help=REMEDY)
