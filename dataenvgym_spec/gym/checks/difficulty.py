"""Is the example neither too easy nor too hard for the student?"""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example


class Difficulty:
    """Objects to an example that the latest student answers right too rarely or too often."""

    def __init__(self, *, lowest: float, highest: float) -> None:
        self.lowest, self.highest = lowest, highest

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        return [self._objection(sight.pass_rate(example)) for example in examples]

    def _objection(self, rate: float | None) -> str | None:
        if rate is None or self.lowest <= rate <= self.highest:
            return None
        sort = "too hard" if rate < self.lowest else "too easy"
        return f"{sort}: {rate:.0%} of the student's answers are right"
