"""Is the example's answer right by the task's own scorer?"""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.examples import Example


class Scorable:
    """Objects to examples whose own answer the scorer cannot read or finds wrong."""

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        answers = [(example.item(), Answer(text=example.target)) for example in examples]
        return [_objection(score) for score in sight.scorer.score(answers)]


def _objection(score: Score) -> str | None:
    if not score.parsed:
        return "the scorer cannot read the answer"
    return None if score.correct else "the scorer finds the answer wrong"
