"""Equality of the numbers behind `####`, as GSM8K marks its answers."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.final import STANDARD, Rule, Unclosed, Unmarked, final
from dataenvgym_spec.gym.tasks.scorers.values import bare, number, values
from dataenvgym_spec.records.items import Item


class Gsm8k:
    """Right when the number behind the last `####` is the target's, exactly.

    Thousands, units, currency and percent signs do not count: `1,700`, `$1700` and `1700.00` are
    one number. A line that holds no number, or more than one, is unreadable.
    """

    def __init__(self, *, unclosed: Unclosed, unmarked: Unmarked, tolerance: float) -> None:
        self.rule = Rule(marks=("hashes",), unclosed=unclosed, unmarked=unmarked)
        self.tolerance = Fraction(tolerance)

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(answer, item.golds) for item, answer in answers]

    def written(self, item: Item) -> str:
        """The item's answer with the mark before it, which a final answer alone lacks."""
        return item.target if "####" in item.target else f"#### {item.target}"

    def _score(self, answer: Answer, golds: Sequence[str]) -> Score:
        given = _number(answer.text, self.rule, truncated=answer.truncated)
        right = given is not None and any(self._near(given, gold) for gold in golds)
        return Score(value=float(right), parsed=given is not None)

    def _near(self, given: Fraction, gold: str) -> bool:
        wanted = _number(gold, STANDARD)
        return wanted is not None and abs(given - wanted) <= self.tolerance * abs(wanted)


def _number(text: str, rule: Rule, *, truncated: bool = False) -> Fraction | None:
    """The number that a text gives as its final answer; None without, or with several."""
    found = final(text, rule, truncated=truncated)
    numbers = {number(bare(value)) for part in found for value in values(part)}
    return numbers.pop() if len(numbers) == 1 else None
