"""What a teacher is: a language model that answers.

What is procedural is a source that its engine uses.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from dataenvgym_spec.gym.prompt import Message
from dataenvgym_spec.records.record import Record

Finish = Literal["stop", "length", "refusal", "empty", "invalid"]
"""How an answer ended: whole, cut at the longest length allowed, declined, without a text, or of
another shape than was asked for."""


class Ask(Record, frozen=True, kw_only=True):
    """One question to a teacher.

    Attributes:
        id: its name; the replies carry it.
        messages: the conversation so far, the question last.
        shape: JSON Schema of the answer, where it has to be JSON.
        samples: how many answers are drawn.
        seed: what tells apart questions that are asked again to get another answer: whoever asks
            in each iteration gives the seed of its tools. It is part of what an answer is kept
            by, and goes to a teacher that takes one.
        run: the seed of the run that asks; whoever stands before the teacher says it. It is no part
            of the question, and tells apart equal ones of two runs where they outlive these.
    """

    id: str
    messages: tuple[Message, ...]
    shape: dict[str, Any] | None = None
    samples: int = 1
    seed: int | None = None
    run: int | None = None

    @classmethod
    def of(cls, id: str, prompt: str, *, system: str = "", **more: Any) -> Ask:
        """A question that is one text.

        Examples:
            >>> [message.role for message in Ask.of("1", "2 + 2 =", system="Be brief.").messages]
            ['system', 'user']
        """
        before = (Message(role="system", content=system),) if system else ()
        return cls(id=id, messages=(*before, Message(role="user", content=prompt)), **more)


class Reply(Record, frozen=True, kw_only=True):
    """One answer to a question.

    Attributes:
        ask: the name of the question.
        sample: which of its answers, from 0 on.
        text: the answer.
        tokens: by `prompt` and `generated`, and `cached` of the prompt where the service says so.
        finish: see `Finish`.
        model: the model that answered, as it calls itself.
        logprobs: of the generated tokens, natural logarithms, where the teacher gives them.
        tries: how many requests were made for it.
        batched: whether it came by the service's batch interface, at another price.
        image: where a service painted an image, what that costs by: the values of the painter's
            options that are marked `x-priced`, with a space between two.
    """

    ask: str
    sample: int = 0
    text: str
    tokens: dict[str, int]
    finish: Finish
    model: str
    logprobs: tuple[float, ...] | None = None
    tries: int = 1
    batched: bool | None = None
    image: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it is whole and of the shape that was asked for."""
        return self.finish == "stop"


class Teacher(Protocol):
    """A language model. Policies, engines, checks and discoveries are constructed with one.

    What they hold stands between them and the component that the spec names: it keeps every answer
    before anyone sees it, asks again where an answer is not of the shape that was asked for, and
    gives the answers in the order of the questions.
    """

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """As many replies to each question as it asks for.

        A component may give them as they come, in any order.

        Raises:
            StageError: it cannot be reached or refuses to work.
        """


@runtime_checkable
class Together(Protocol):
    """What a teacher may have besides, which spares work where many replies come at once."""

    def together(self, asks: Sequence[Ask]) -> Iterator[Sequence[Reply]]:
        """As `answer`, with those together that came together."""


@runtime_checkable
class Stoppable(Protocol):
    """What a teacher may have besides whose answers cost something once they are asked for."""

    def stop(self) -> None:
        """Begins nothing more; what is under way still comes, and then the replies end.

        It is called between two replies, by whoever takes them.
        """


def arrivals(teacher: Teacher, asks: Sequence[Ask]) -> Generator[Sequence[Reply], None, None]:
    """The replies of a teacher as they come; those that came together are together."""
    if isinstance(teacher, Together):
        yield from teacher.together(asks)
    else:
        for reply in teacher.answer(asks):
            yield (reply,)


def stop(teacher: Teacher) -> bool:
    """Has a teacher begin nothing more; returns whether what is under way still comes."""
    if isinstance(teacher, Stoppable):
        teacher.stop()
        return True
    return False
