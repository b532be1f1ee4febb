"""Does the student know the example already?"""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example

OBJECTION = "the student answers it right already"


class Known:
    """Objects to an example that the latest student answers right before it is taught."""

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        right = [sight.answered(example) for example in examples]
        return [OBJECTION if answered else None for answered in right]
