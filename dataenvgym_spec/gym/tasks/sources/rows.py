"""What sources have in common that list what they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from dataenvgym_spec.records.items import Item


class Listed:
    """A finite source: what it has is in `items`.

    How many rows were skipped, by reason, is in `skipped`.
    """

    procedural = False
    items: list[Item]
    skipped: Mapping[str, int]

    def groups(self) -> list[str]:
        """The values of the group column."""
        return sorted(self._members)

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """The items of one group, each once."""
        return iter(self._members.get(group, ()))

    @cached_property
    def _members(self) -> dict[str, list[Item]]:
        members: dict[str, list[Item]] = {}
        for item in self.items:
            members.setdefault(item.group, []).append(item)
        return members
