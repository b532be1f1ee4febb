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
        return [self._score(answer.text, item.golds) for item, answer in answers]

    def written(self, item: Item) -> str:
        """The item's answer with the mark before it, which a final answer alone lacks."""
        return item.target if self.after in item.target else f"{self.after} {item.target}"

    def _score(self, text: str, golds: Sequence[str]) -> Score:
        answer = self._final(text)
        right = answer is not None and answer in [self._wanted(gold) for gold in golds]
        return Score(value=float(right), parsed=bool(answer))

    def _final(self, text: str) -> str | None:
        """What is compared of a text; None if the mark is not in it."""
        if not self.after:
            return _folded(text)
        if self.after not in text:
            return None
        return _folded(text.rpartition(self.after)[2]).replace(",", "")

    def _wanted(self, gold: str) -> str:
        # A data set may hold final answers alone, which no mark stands before.
        final = self._final(gold)
        return _folded(gold).replace(",", "") if final is None else final


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
