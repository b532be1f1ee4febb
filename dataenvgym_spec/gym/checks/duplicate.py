"""Was the example accepted before?"""

from __future__ import annotations

from dataenvgym_spec.gym.checks.protocol import Bench
from dataenvgym_spec.records.items import Item


class Duplicate:
    """Objects to an example that repeats one accepted in this iteration or an earlier one."""

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
        return "accepted before" if item.id in bench.accepted else None
