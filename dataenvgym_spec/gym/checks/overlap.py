"""Does the example coincide with an item of a split?"""

from __future__ import annotations

from dataenvgym_spec.gym.checks.protocol import Bench
from dataenvgym_spec.records.items import Item


class Overlap:
    """Objects to an example that a split holds, or could hold when it grows."""

    def __init__(self, *, against: list[str]) -> None:
        self.against = against

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
        role = bench.reserve.holder(item, self.against) if bench.reserve else None
        return f"reserved for {role}" if role else None
