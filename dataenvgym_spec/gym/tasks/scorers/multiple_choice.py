"""Choices: which of the answers that an item allows a text names first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item


class MultipleChoice:
    """Right when the choice that an answer names first is one that is accepted.

    A choice is named where it stands as a word, in whatever letter case. What can be chosen is in
    an item's verifier, as `choices`; where it says nothing, `among` holds.
    """

    def __init__(self, *, among: Sequence[str]) -> None:
        self.among = tuple(among)

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(item, answer) for item, answer in answers]

    def _score(self, item: Item, answer: Answer) -> Score:
        chosen = first(answer.text, item.verifier.get("choices", self.among))
        if chosen is None:
            return Score(value=0.0, parsed=False)
        right = chosen.casefold() in [gold.casefold() for gold in item.golds]
        return Score(value=float(right), parsed=True)


def first(text: str, choices: Sequence[str]) -> str | None:
    """The choice that a text names first; None if it names none.

    >>> first("Yes, there is no doubt.", ["yes", "no"])
    'yes'
    """
    named = []
    for choice in choices:
        found = re.search(rf"(?<!\w){re.escape(choice)}(?!\w)", text, re.IGNORECASE)
        if found is not None:
            named.append((found.start(), choice))
    return min(named)[1] if named else None
