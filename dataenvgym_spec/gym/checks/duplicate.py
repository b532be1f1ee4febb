"""Was the example accepted before?"""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example


class Duplicate:
    """Objects to an example that repeats one accepted in this iteration or an earlier one."""

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        repeated = [example.id in sight.accepted for example in examples]
        return ["accepted before" if before else None for before in repeated]
