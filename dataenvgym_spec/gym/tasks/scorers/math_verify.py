"""Mathematical equality, by the math-verify library."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.equality import Equality, Percent, Rounding, Units, learn
from dataenvgym_spec.gym.tasks.scorers.final import (
    STANDARD,
    MarkKind,
    Rule,
    Unclosed,
    Unmarked,
    final,
)
from dataenvgym_spec.gym.tasks.scorers.values import values
from dataenvgym_spec.records.items import Item


class MathVerify:
    """Right when math-verify finds the final answers of answer and target equal.

    Args of the constructor are the options of its definition. Answer and target may be whole
    solutions: `final` says what of a text is its final answer, and `values` what that lists. An
    answer that lists several values is right only if the target lists the same ones.
    """

    def __init__(
        self,
        *,
        marks: Sequence[MarkKind],
        unclosed: Unclosed,
        unmarked: Unmarked,
        percent: Percent,
        units: Units,
        rounding: Rounding,
        tolerance: float,
    ) -> None:
        self.rule = Rule(marks=tuple(marks), unclosed=unclosed, unmarked=unmarked)
        self.equality = Equality(
            percent=percent, units=units, rounding=rounding, tolerance=tolerance
        )
        learn()

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._best(item, answer) for item, answer in answers]

    def _best(self, item: Item, answer: Answer) -> Score:
        """The score by whichever accepted answer fits best."""
        given = listed(answer.text, self.rule, truncated=answer.truncated)
        if not given:
            return Score(value=0.0, parsed=False)
        scores = [self._score(given, gold) for gold in item.golds]
        return max(scores, key=attrgetter("value"))

    def _score(self, given: tuple[str, ...], gold: str) -> Score:
        # A target is read whatever marks an answer has to have.
        if self.equality.all_equal(listed(gold, STANDARD), given):
            return Score(value=1.0, parsed=True)
        return Score(value=0.0, parsed=self.equality.readable(given))


def listed(text: str, rule: Rule, *, truncated: bool = False) -> tuple[str, ...]:
    r"""The values of a text's final answer.

    >>> listed(r"so $x = \boxed{3}$ or $x = \boxed{4}$", STANDARD)
    ('3', '4')
    """
    found = final(text, rule, truncated=truncated)
    return tuple(value for part in found for value in values(part))
