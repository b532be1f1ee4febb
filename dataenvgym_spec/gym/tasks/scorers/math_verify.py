"""Mathematical equality, by the math-verify library."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

from math_verify import parse, verify

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.final import breaks_off, expression, words
from dataenvgym_spec.records.items import Item

# Each call without a time-out of the library's own is a warning. They are alarms of this process,
# which ends at the sandbox's limits anyway.
logging.getLogger("math_verify").setLevel(logging.ERROR)

USUAL: Final = (
    "1",
    "so it is 1,007",
    "1.5",
    "$1$",
    r"\boxed{x^2+1}",
    r"$\frac{1}{2}$",
    "$(1,2)$",
    "$[1,2)$",
    r"$\left(\frac{3}{5},\frac{8}{3}\right]$",
    r"$\{1,2\}$",
    "$x=3$",
    r"$-2x^3y+\frac{x}{3}$",
    r"$\sqrt{2}$",
    r"$2\pi$",
    "$2^{10}$",
    "$3+4i$",
    r"$\log_2 3$",
    r"$\begin{pmatrix}1\\2\end{pmatrix}$",
)
"""Forms that answers usually have."""


class MathVerify:
    """Right when math-verify finds the final answers of answer and target equal.

    Both may be whole solutions; see `final` for what their final answer is. Answers that are words
    are right when they are the same words. A sentence that was cut short before it marked an answer
    has none: what it happens to end with is not read.
    """

    def __init__(self) -> None:
        # The parser learns the grammar as it reads, which every forked child would do anew: of the
        # first box 0.4 s, afterwards a tenth of it.
        for text in USUAL:
            _score(text, "$1$")

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._best(item, answer) for item, answer in answers]

    def _best(self, item: Item, answer: Answer) -> Score:
        """The score by whichever accepted answer fits best."""
        if answer.truncated and breaks_off(answer.text):
            return Score(value=0.0, parsed=False)
        scores = [_score(answer.text, gold) for gold in item.golds]
        return max(scores, key=attrgetter("value"))


def _score(text: str, target: str) -> Score:
    if words(text) and words(text) == words(target):
        return Score(value=1.0, parsed=True)
    answer = _parsed(text)
    if not answer:
        return Score(value=0.0, parsed=False)
    right = verify(_parsed(target), answer, timeout_seconds=None)
    return Score(value=float(bool(right)), parsed=True)


def _parsed(text: str) -> list[Any]:
    read: list[Any] = parse(expression(text), parsing_timeout=None)
    return read
