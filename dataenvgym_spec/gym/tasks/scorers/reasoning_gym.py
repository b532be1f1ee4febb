"""reasoning-gym's own scorers, one for each of its data sets."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)  # of cellpylib, a dependency of reasoning-gym
    import reasoning_gym

from dataenvgym_spec.gym.tasks.protocol import Score
from dataenvgym_spec.records.items import Item

_scorer_of = cache(reasoning_gym.get_score_answer_fn)


class ReasoningGymScore:
    """Scores an answer with the scorer of the family that made the item."""

    def score(self, answer: str, item: Item) -> Score:
        """Scores one answer; the library gives part of a point to some wrong ones."""
        text = answer.strip()
        if not text:
            return Score(value=0.0, parsed=False)
        entry: dict[str, Any] = {
            "question": item.input,
            "answer": item.verifier["answer"],
            "metadata": item.metadata,
        }
        return Score(value=float(_scorer_of(item.verifier["dataset"])(text, entry)), parsed=True)
