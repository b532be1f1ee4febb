r"""Final answers under the normalisation of Minerva (Lewkowycz et al. 2022, appendix D).

The order of the steps is the paper's. Where the common implementation of them damages an answer
(`ft` is cut from `\left`, lists become one number), this one does not; docs/scoring-math.md lists
what differs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.gym.tasks.scorers.equality import Equality, learn
from dataenvgym_spec.gym.tasks.scorers.final import Rule, Unclosed, final, first
from dataenvgym_spec.gym.tasks.scorers.latex import tidy
from dataenvgym_spec.gym.tasks.scorers.values import bare, values
from dataenvgym_spec.records.items import Item

_SENTENCE: Final = re.compile(
    r"final\s+answer\s+is:?\s*(.+?)\s*"
    r"(?:(?:\.\s*|(?<=\$)\s*|\s)I\s+hope\s+it\s+is\s+correct|\.?\s*$|\.?\s*\n)",
    re.IGNORECASE | re.DOTALL,
)
_WORDS: Final = re.compile(
    r"\ban?\s+(?=[A-Za-z]{2})|(?<!\\)\b"
    r"(?:square|ways|integers|dollars|mph|inches|ft|hours|km|units|sue|points|feet|minutes"
    r"|digits|cents|degrees|cm|gm|pounds|meters|meals|edges|students|childrentickets|multiples)\b"
    r"(?![\\{=])|\\l?dots(?![A-Za-z])|\\mathrm\{th\}|\""
)
_FORMULA: Final = re.compile(r"[\d$\\]")
_NEXT: Final = re.compile(r"\.\s+(?=[A-Z])")
_RELATION: Final = re.compile(r"(?<![<>!\\])=")
_COMMAND: Final = re.compile(r"\\(?:text|mathrm|mbox)\{[^{}]*\}|\\[A-Za-z]+")
_LETTER: Final = re.compile(r"[A-Za-z]")
_OPERATOR: Final = re.compile(r"[-+*/^]|\d\s*[A-Za-z]")


class Minerva:
    """Right when the normalised final answers are one text, or equal as mathematics.

    The final answer is behind `the final answer is`, the last time it is said; else the last box,
    which counts too where words alone are said there.
    A text without either is unreadable; a target without is the answer alone.
    """

    def __init__(self, *, unclosed: Unclosed) -> None:
        self.rule = Rule(marks=("box",), unclosed=unclosed, unmarked="unreadable")
        self.equality = Equality()
        learn()

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [self._score(answer, item.golds) for item, answer in answers]

    def written(self, item: Item) -> str:
        """The item's answer in a sentence, which a final answer alone lacks."""
        if self._found(item.target, truncated=False):
            return item.target
        return f"The final answer is ${item.target}$. I hope it is correct."

    def _score(self, answer: Answer, golds: Sequence[str]) -> Score:
        given = normalised(self._found(answer.text, truncated=answer.truncated))
        if not given:
            return Score(value=0.0, parsed=False)
        right = any(self._right(gold, given) for gold in golds)
        return Score(value=float(right), parsed=True)

    def _right(self, gold: str, given: tuple[str, ...]) -> bool:
        wanted = normalised(self._found(gold, truncated=False) or (gold,))
        if sorted(wanted) == sorted(given):
            return True
        # The library would compare a value with the right side of an equation.
        alike = _equations(wanted) == _equations(given)
        return alike and self.equality.all_equal(wanted, given)

    def _found(self, text: str, *, truncated: bool) -> tuple[str, ...]:
        """The final answer of a text as it stands there; nothing without one."""
        said = list(_SENTENCE.finditer(text))
        boxed = final(text, self.rule, truncated=truncated)
        if not said or (truncated and said[-1].end() == len(text)):
            return boxed
        held = _NEXT.split(said[-1][1])[0]
        if boxed and not _FORMULA.search(held):
            return boxed
        return final(held, self.rule) or first(held.rstrip("."))


def normalised(found: Sequence[str]) -> tuple[str, ...]:
    r"""The values of a final answer in Minerva's form.

    >>> normalised([r"x = \dfrac12"]), normalised(["1,000 square feet"]), normalised(["1,2,3"])
    (('\\frac{1}{2}',), ('1000',), ('1', '2', '3'))
    """
    listed = [value for part in found for value in values(part)]
    return tuple(plain for value in listed if (plain := _normal(value)))


def _normal(value: str) -> str:
    return tidy(bare(_WORDS.sub(" ", bare(_answered(value)))))


def _equations(found: Sequence[str]) -> int:
    return sum(_RELATION.search(value) is not None for value in found)


def _answered(value: str) -> str:
    r"""What is right of the last `=`, unless the value is an equation.

    >>> _answered("f(x) = 2x + 1"), _answered("1 + 1 = 2"), _answered("x - 3z = 0")
    (' 2x + 1', ' 2', 'x - 3z = 0')
    """
    *left, last = _RELATION.split(value)
    return value if any(map(_is_expression, left)) else last


def _is_expression(left: str) -> bool:
    """Whether it is computed from unknowns, and no name or sum that the value stands for."""
    plain = _COMMAND.sub(" ", left)
    return bool(_LETTER.search(plain) and _OPERATOR.search(plain))
