"""Equality of answer and target."""

from __future__ import annotations

from dataenvgym_spec.gym.tasks.protocol import Score
from dataenvgym_spec.records.items import Item


class ExactMatch:
    """Right when the answer equals the target, white space and letter case aside."""

    def __init__(self, *, after: str = "") -> None:
        self.after = after

    def score(self, answer: str, item: Item) -> Score:
        """Scores one answer."""
        given, wanted = self._part(answer), self._part(item.target)
        return Score(value=float(given is not None and given == wanted), parsed=bool(given))

    def _part(self, text: str) -> str | None:
        if self.after and self.after not in text:
            return None
        part = text.rpartition(self.after)[2] if self.after else text
        return (
            " ".join(part.split()).casefold().replace(",", "")
            if self.after
            else " ".join(part.split()).casefold()
        )
