"""Mathematical equality, by the math-verify library."""

from __future__ import annotations

from math_verify import parse, verify

from dataenvgym_spec.gym.tasks.protocol import Score
from dataenvgym_spec.records.items import Item


class MathVerify:
    """Right when math-verify finds answer and target equal. Both may be whole solutions with a boxed answer."""

    def score(self, answer: str, item: Item) -> Score:
        """Scores one answer."""
        given = parse(answer, parsing_timeout=None)
        right = bool(given) and bool(
            verify(parse(item.target, parsing_timeout=None), given, timeout_seconds=None)
        )
        return Score(value=float(right), parsed=bool(given))
