"""Equality of answer and target."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item


class ExactMatch:
    """Right when the answer equals the target, white space and letter case aside.

    Args of the constructor are the options of its definition. With `after`, only what follows this
    mark is compared, and commas, which stand between thousands, do not count.
    """

    def __init__(self, *, after: str = "") -> None:
        self.after = after

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(answer.text, item.gold) for item, answer in answers]

    def _score(self, text: str, target: str) -> Score:
        answer, wanted = self._compared(text), self._compared(target)
        right = answer is not None and answer == wanted
        return Score(value=float(right), parsed=bool(answer))

    def _compared(self, text: str) -> str | None:
        if not self.after:
            return _folded(text)
        if self.after not in text:
            return None
        part = text.rpartition(self.after)[2]
        return _folded(part).replace(",", "")


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
