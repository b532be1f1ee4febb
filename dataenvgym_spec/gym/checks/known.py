"""Does the student know the example already?"""

from __future__ import annotations

from dataenvgym_spec.gym.checks.protocol import Bench
from dataenvgym_spec.records.items import Item


class Known:
    """Objects to an example that the latest student answers right before it is taught."""

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
        return "the student answers it right already" if bench.answered(item) else None
