"""Mathematical equality, by the math-verify library."""

from __future__ import annotations

from collections.abc import Sequence

from math_verify import parse, verify

from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item


class MathVerify:
    """Right when math-verify finds answer and target equal.

    Both may be whole solutions with a boxed answer.
    """

    def __init__(self) -> None:
        # The parser is built at its first use, which every forked child would do anew.
        _score("$1$", "$1$")

    def score(self, answers: Sequence[tuple[Item, Answer]]) -> list[Score]:
        """Scores a batch of answers."""
        return [_score(answer.text, item.target) for item, answer in answers]


def _score(text: str, target: str) -> Score:
    # Its time-outs are alarms of this process, which work in the main thread only.
    answer = parse(text, parsing_timeout=None)
    if not answer:
        return Score(value=0.0, parsed=False)
    wanted = parse(target, parsing_timeout=None)
    right = verify(wanted, answer, timeout_seconds=None)
    return Score(value=float(bool(right)), parsed=True)
