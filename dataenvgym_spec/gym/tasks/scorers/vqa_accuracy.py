"""The accuracy of VQA: how many of several people gave an answer."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.answers import normalised
from dataenvgym_spec.records.items import Item


class VqaAccuracy:
    """Scores an answer by how many people gave it (Antol et al. 2015, section 4).

    Of n answers that were given, each is left out once, and what the others say is
    min(matches / enough, 1); the score is the mean. With `enough` or fewer answers, where nobody
    can be left out, it is the part of them that match.
    """

    def __init__(self, *, enough: int) -> None:
        self.enough = enough

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(item, answer) for item, answer in answers]

    def _score(self, item: Item, answer: Answer) -> Score:
        text = normalised(answer.text)
        if not text:
            return Score(value=0.0, parsed=False)
        matches = [normalised(gold) == text for gold in item.golds]
        return Score(value=accuracy(matches, self.enough), parsed=True)


def accuracy(matches: Sequence[bool], enough: int) -> float:
    """The score of an answer that some people gave and others did not.

    >>> round(accuracy([True, True, True] + [False] * 7, 3), 4)
    0.9
    >>> accuracy([True] * 4 + [False] * 6, 3), accuracy([True], 3)
    (1.0, 1.0)
    """
    count, every = sum(matches), len(matches)
    if every <= enough:
        return count / every
    # Whoever is left out gave the answer, or did not.
    with_it = min((count - 1) / enough, 1.0) if count else 0.0
    without = min(count / enough, 1.0)
    return (count * with_it + (every - count) * without) / every
