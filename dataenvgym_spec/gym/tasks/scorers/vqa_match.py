"""Equality of short answers, once they are normalised."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.answers import normalised
from dataenvgym_spec.records.items import Item


class VqaMatch:
    """Right when the answer is one of those that are accepted, both normalised."""

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [_score(item, answer) for item, answer in answers]


def _score(item: Item, answer: Answer) -> Score:
    text = normalised(answer.text)
    right = text in map(normalised, item.golds)
    return Score(value=float(right and bool(text)), parsed=bool(text))
