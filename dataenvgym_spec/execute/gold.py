"""Leaves out items whose own gold answer the task's scorer finds wrong.

An item is judged as a later stage will read it, after the round trip through JSON: what the scorer
needs may not survive it (tuples, numbers as keys), and some scorers never give their own answer 1.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.protocol import Score
from dataenvgym_spec.gym.tasks.scoring import Judge
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.record import Record

SHOWN: Final = 80
"""How much of an answer an error shows, in characters."""
BLOCK: Final = 1024
"""Answers that are judged at once: a million would all be held in the form of calls."""


class LeftOut(Record, frozen=True, kw_only=True):
    """An item that is left out, and why; a row of `log/left-out.jsonl`."""

    id: str
    group: str
    input: str
    target: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Gold:
    """Judges gold answers.

    Attributes:
        judge: of the task's scorer.
        computed: whether a program made them, and no model or person.
        share: of a draw, how many items may be left out, rounded up.
        left_out: the items that were.
    """

    judge: Judge
    computed: bool
    share: float
    left_out: list[LeftOut] = field(default_factory=list)

    def sound(self, items: Iterator[Item], count: int, where: str) -> Iterator[Item]:
        """The items that the scorer finds right, in their order, up to a number.

        Args:
            items: what is drawn from.
            count: how many are wanted.
            where: what they are of, for an error.

        Raises:
            StageError: too many are wrong.
        """
        most, given, wrong = math.ceil(self.share * count), 0, 0
        while given < count:
            # At most what is still wanted, so that no item is judged in vain.
            block = list(islice(items, min(count - given, BLOCK)))
            if not block:
                return
            right = self._right(block)
            given, wrong = given + len(right), wrong + len(block) - len(right)
            if wrong > most:
                raise self._refusal(wrong, given, where)
            yield from right

    def _right(self, items: list[Item]) -> list[Item]:
        """Items whose answer is right, or that have none to be judged; the others are noted."""
        answered = [item for item in items if item.target]
        scores = self.judge.score_gold(answered, computed=self.computed) if answered else []
        wrong = set()
        for item, score in zip(answered, scores, strict=True):
            if not (score.correct and score.parsed):
                wrong.add(item.id)
                self.left_out.append(_left_out(item, score))
        return [item for item in items if item.id not in wrong]

    def words(self, kept: int) -> str:
        """How many were left out, by group; empty if none was."""
        if not self.left_out:
            return ""
        groups = Counter(row.group for row in self.left_out)
        listed = ", ".join(f"{count} of '{group}'" for group, count in sorted(groups.items()))
        number, total = len(self.left_out), kept + len(self.left_out)
        return (
            f"{number} of {total} gold answers score wrong, and their items are left out: {listed}"
        )

    def _refusal(self, wrong: int, given: int, where: str) -> StageError:
        last = self.left_out[-1]
        message = (
            f"{wrong} of {wrong + given} gold answers of {where} score wrong; one of them: "
            f"{last.target[:SHOWN]!r} {last.reason}"
        )
        remedy = "name another scorer, leave this source out, or raise 'task.wrong_gold'"
        return StageError(message, help=f"{remedy} (now {self.share:g})")


def _left_out(item: Item, score: Score) -> LeftOut:
    reason = f"scores {score.value:g}"
    if score.cause is not None:
        reason = f"cannot be judged: {score.cause}"
    elif not score.parsed:
        reason = "cannot be read"
    return LeftOut(
        id=item.id, group=item.group, input=item.input, target=item.target, reason=reason
    )
