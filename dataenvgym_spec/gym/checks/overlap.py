"""Does the example coincide with an item of a split?"""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example


class Overlap:
    """Objects to an example that a split holds, or could hold when it grows."""

    def __init__(self, *, against: list[str]) -> None:
        self.against = against

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        if sight.reserve is None:
            return [None] * len(examples)
        roles = [sight.reserve.holder(example, self.against) for example in examples]
        return [f"reserved for {role}" if role else None for role in roles]
