"""reasoning-gym's own scorers, one for each of its data sets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from dataenvgym_spec.gym.tasks.library import reasoning_gym
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item

_scorer_of = cache(reasoning_gym.get_score_answer_fn)


class ReasoningGymScore:
    """Scores an answer with the scorer of the data set that made the item.

    The library gives part of a point to some wrong answers.
    """

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [_score(item, answer.text.strip()) for item, answer in answers]


def _score(item: Item, text: str) -> Score:
    if not text:
        return Score(value=0.0, parsed=False)
    entry: dict[str, Any] = {
        "question": item.input,
        "answer": item.verifier["answer"],
        "metadata": {**item.metadata, **item.verifier.get("metadata", {})},
    }
    value = _scorer_of(item.verifier["dataset"])(text, entry)
    return Score(value=float(value), parsed=True)
