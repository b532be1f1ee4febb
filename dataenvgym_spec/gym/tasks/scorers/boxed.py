r"""Equality of what the last box holds, as texts of LaTeX: no mathematics is done."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.final import STANDARD, Rule, Unclosed, final
from dataenvgym_spec.gym.tasks.scorers.latex import tidy
from dataenvgym_spec.gym.tasks.scorers.values import bare, values
from dataenvgym_spec.records.items import Item

_NAMED: Final = re.compile(r"[A-Za-z]\s*=(?!=)\s*")


class Boxed:
    r"""Right when the last complete box of the answer holds what the target's does.

    Both are written in one way first: `\dfrac12` is `\frac{1}{2}`. Units, currency, percent and
    degree signs do not count, nor does `x =` before a value. Several values are right in any order.
    An answer without a box is unreadable; a target without one is the answer alone.
    """

    def __init__(self, *, unclosed: Unclosed) -> None:
        self.rule = Rule(marks=("box",), unclosed=unclosed, unmarked="unreadable")

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(answer, item.golds) for item, answer in answers]

    def written(self, item: Item) -> str:
        r"""The item's answer in a box, which a final answer alone lacks."""
        return item.target if _given(item.target, self.rule) else rf"\boxed{{{item.target}}}"

    def _score(self, answer: Answer, golds: Sequence[str]) -> Score:
        given = _given(answer.text, self.rule, truncated=answer.truncated)
        right = given in [_given(gold, STANDARD) for gold in golds]
        return Score(value=float(bool(given) and right), parsed=bool(given))


def _given(text: str, rule: Rule, *, truncated: bool = False) -> tuple[str, ...]:
    """What a text's final answer lists, each value once and in one order."""
    found = final(text, rule, truncated=truncated)
    listed = {_plain(value) for part in found for value in values(part)}
    return tuple(sorted(listed - {""}))


def _plain(value: str) -> str:
    return _NAMED.sub("", tidy(bare(value)), count=1).casefold()
