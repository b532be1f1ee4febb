"""Is the question short enough?"""

from dataenvgym_spec.gym.checks.protocol import Bench
from dataenvgym_spec.records.items import Item


class Short:
    """Objects to long questions."""

    def __init__(self, *, characters: int) -> None:
        self.characters = characters

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
        return (
            f"longer than {self.characters} characters"
            if len(item.input) > self.characters
            else None
        )
