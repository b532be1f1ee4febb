"""Scores answers before they are asked for, where they are asked for one at a time.

A check sees one candidate at a time, since whether it is accepted can decide on the next; but the
score of an answer depends on nothing else, and those that a program made share a child.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.items import Item

BLOCK: Final = 64
"""How many answers are scored at once."""

Pair = tuple[Item, Answer]


class Ahead:
    """A scorer that is told beforehand what it will be asked.

    Attributes:
        scorer: what scores.
    """

    def __init__(self, scorer: Judge, computed: Iterable[Item]) -> None:
        """Args: what scores, and items whose own answers a program made, in their order."""
        self.scorer = scorer
        self._coming = list(computed)
        self._known: dict[str, tuple[Pair, Score]] = {}

    def score(self, answers: Sequence[Pair]) -> list[Score]:
        """Scores a batch of answers; see `Scorer`."""
        return [self._score(item, answer) for item, answer in answers]

    def _score(self, item: Item, answer: Answer) -> Score:
        asked = (item, answer)
        if self._of(asked) is None and answer == Answer(text=item.target):
            self._go_on(item)
        found = self._of(asked)
        return self.scorer.score([asked])[0] if found is None else found

    def _of(self, asked: Pair) -> Score | None:
        """What is known of an answer; two items may ask the same and hold different ones."""
        known, score = self._known.get(asked[0].id, (None, None))
        return score if known == asked else None

    def _go_on(self, item: Item) -> None:
        """Scores a block that begins with an item, if it is yet to come."""
        if item not in self._coming:
            return
        start = self._coming.index(item)
        block = self._coming[start : start + BLOCK]
        self._coming = self._coming[start + BLOCK :]
        pairs = [(one, Answer(text=one.target)) for one in block]
        scores = self.scorer.score_computed(pairs)
        self._known = {pair[0].id: (pair, score) for pair, score in zip(pairs, scores, strict=True)}
