"""Is the example's answer right by the task's own scorer?"""

from __future__ import annotations

from dataenvgym_spec.gym.checks.protocol import Bench
from dataenvgym_spec.records.items import Item


class Scorable:
    """Objects to examples whose own answer the scorer cannot read or finds wrong."""

    def objection(self, item: Item, bench: Bench) -> str | None:
        """Why the candidate should not be taught, or None."""
        score = bench.scorer.score(item.target, item)
        if not score.parsed:
            return "the scorer cannot read the answer"
        return None if score.correct else "the scorer finds the answer wrong"
