"""Scores answers before they are asked for, where they are asked for one at a time.

A check sees one candidate at a time, since whether it is accepted can decide on the next; but the
score of an answer depends on nothing else, and those that a program made share a child.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from dataenvgym_spec.core.streamed import Streamed
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item

BLOCK: Final = 64
"""How many answers are scored at once."""

Pair = tuple[Item, Answer]


class Ahead:
    """A scorer that knows which candidates come next.

    Attributes:
        scorer: what scores.
    """

    def __init__(self, scorer: Judge, computed: Callable[[Example], bool]) -> None:
        """Args: what scores, and whether a program made a candidate's own answer."""
        self.scorer, self.computed = scorer, computed
        self._coming: deque[Example] = deque()
        self._known: dict[str, tuple[Pair, Score]] = {}

    def following(self, candidates: Iterable[Example]) -> Iterable[Example]:
        """Candidates one after the other; few are held that are still to come."""
        return Streamed(lambda: self._following(iter(candidates)))

    def _following(self, rest: Iterator[Example]) -> Iterator[Example]:
        self._coming.clear()
        while True:
            self._coming.extend(islice(rest, BLOCK - len(self._coming)))
            if not self._coming:
                return
            yield self._coming[0]
            self._coming.popleft()

    def score(self, answers: Sequence[Pair]) -> list[Score]:
        """Scores a batch of answers; see `Scorer`."""
        return [self._score(item, answer) for item, answer in answers]

    def _score(self, item: Item, answer: Answer) -> Score:
        asked = (item, answer)
        if self._of(asked) is None and self._is_next(item) and answer == Answer(text=item.target):
            self._go_on()
        found = self._of(asked)
        return self.scorer.score([asked])[0] if found is None else found

    def _of(self, asked: Pair) -> Score | None:
        """What is known of an answer; two items may ask the same and hold different ones."""
        known, score = self._known.get(asked[0].id, (None, None))
        return score if known == asked else None

    def _is_next(self, item: Item) -> bool:
        """Whether it is the candidate that is judged now, and a program made its answer."""
        if not self._coming or not self.computed(self._coming[0]):
            return False
        return self._coming[0].item() == item

    def _go_on(self) -> None:
        """Scores the block that begins with the candidate that is judged now."""
        block = [one.item() for one in self._coming if self.computed(one)]
        pairs = [(one, Answer(text=one.target)) for one in block]
        scores = self.scorer.score_computed(pairs)
        self._known = {pair[0].id: (pair, score) for pair, score in zip(pairs, scores, strict=True)}
