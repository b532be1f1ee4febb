"""Does the student answer the example right? A check that wants it so."""

from dataenvgym_spec.gym.checks.protocol import Bench
from dataenvgym_spec.records.items import Item


class Unknown:
    """Objects to what the student cannot answer yet."""

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
        return None if bench.answered(item) else "the student cannot answer it yet"
