"""A policy of active learning: it asks for the items of the pool that the student is unsure of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

from dataenvgym_spec.gym.environments.open_ended import OpenEndedAction, OpenEndedState
from dataenvgym_spec.gym.policies.choosing import Chooser
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.evaluations import Result, Sample
from dataenvgym_spec.records.items import WORDS, Item, canonical


class Uncertain:
    """Chooses by how much the student's answers to an item disagree among themselves.

    The measure is their entropy, as of a committee's votes (Dagan and Engelson 1995), from 0, where
    all agree, to 1, where no two do. No answer of the pool is looked at.
    """

    def __init__(
        self,
        *,
        pool: Sequence[Item],
        results: Sequence[Result] | None,
        per_request: int,
        after: str,
    ) -> None:
        self.chooser, self.results, self.after = Chooser(pool, per_request), results, after

    def act(self, state: OpenEndedState, budget: int, tools: Tools) -> OpenEndedAction:
        """Requests for the items that answers disagree most on.

        Raises:
            StageError: no item of the pool is left.
        """
        scores = None
        if self.results is not None:
            scores = {row.id: self._disagreement(row) for row in self.results}
        return self.chooser.choose(state, budget, tools, scores, "disagreement of its answers")

    def _disagreement(self, row: Result) -> float:
        return disagreement(answer_of(sample, self.after) for sample in row.samples)


def answer_of(sample: Sample, after: str) -> str:
    """What a student's text says in the end: behind the last mark, or else in the last line.

    White space and letter case do not count, and all answers that cannot be read are one.
    """
    if sample.unparseable or sample.truncated:
        return ""
    text = sample.prediction.strip()
    mark = after if after and after in text else "\n"
    return canonical(text.rpartition(mark)[2], WORDS)


def disagreement(answers: Iterable[str]) -> float:
    """The entropy of answers, as a part of the largest that so many can have.

    >>> disagreement(["7", "7", "7"]), round(disagreement(["7", "8", "9"]), 9)
    (0.0, 1.0)
    """
    counts = Counter(answers)
    total = sum(counts.values())
    if total < 2 or len(counts) < 2:
        return 0.0
    entropy = -sum(count / total * log(count / total) for count in counts.values())
    return entropy / log(total)
