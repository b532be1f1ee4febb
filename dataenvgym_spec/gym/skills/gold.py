"""Skills as the source gives them."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.records.items import Item


class Gold:
    """The group of an item is its skill."""

    def assign(self, items: Sequence[Item]) -> dict[str, str]:
        """The skill of every item, by item id."""
        return {item.id: item.group for item in items}
