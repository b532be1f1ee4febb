"""What a teacher is: a language model that answers.

What is procedural is a source that its engine uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

from dataenvgym_spec.records.record import Record


class Ask(Record, frozen=True, kw_only=True):
    """One question to a teacher.

    Attributes:
        id: its name; the reply carries it.
        prompt: the text of the user's turn.
        system: the instruction that stands before it.
        seed: of the sampling, for a teacher that takes one.
    """

    id: str
    prompt: str
    system: str | None = None
    seed: int | None = None


class Reply(Record, frozen=True, kw_only=True):
    """What a teacher answered.

    Attributes:
        ask: the name of the question.
        text: the answer.
        tokens: by `prompt` and `generated`.
        finish: whether the answer is whole, was cut at the longest length allowed, or refused.
        model: the model that answered, as it calls itself.
    """

    ask: str
    text: str
    tokens: dict[str, int]
    finish: Literal["stop", "length", "refusal"]
    model: str


class Teacher(Protocol):
    """A language model. Policies, engines, checks and discoveries are constructed with one."""

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """One reply to each question, in their order.

        Raises:
            StageError: it cannot be reached or refuses to work.
        """
