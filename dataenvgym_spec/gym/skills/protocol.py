"""What a skill discovery is: it says which skill every feedback item needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dataenvgym_spec.records.items import Item


class Discovery(Protocol):
    """Finds the skills of a task."""

    def assign(self, items: Sequence[Item]) -> Mapping[str, str]:
        """The skill of every item, by item id. The skills of the task are those that it names."""
