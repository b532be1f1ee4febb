"""Skills as the source gives them."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.skills.protocol import Discovered
from dataenvgym_spec.records.items import Item


class Gold:
    """The group of an item is its skill.

    A group that only hidden items have is a skill as well: the source names it, not the items.
    """

    def discover(self, items: Sequence[Item]) -> Discovered:
        """The groups of all items."""
        return Discovered.of({item.id: item.group for item in items})

    def assign(self, item: Item, skills: Discovered) -> str:
        """The group of an item."""
        return item.group
