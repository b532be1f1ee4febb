"""What a model on this machine is asked, and what its answers mean; no service is between them.

A model with a chat template is asked in it, any other by the text alone.
"""

from __future__ import annotations

import json
from typing import Final, Literal

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.protocol import Completion
from dataenvgym_spec.gym.teachers.chat import SHAPED
from dataenvgym_spec.gym.teachers.protocol import Ask, Finish, Reply
from dataenvgym_spec.records.record import Record

BETWEEN: Final = "\n\n"
"""Stands between the messages of a conversation that is put as one text."""


class Speech(Record, frozen=True, kw_only=True):
    """How a model on this machine answers; the options of the teachers that have one.

    Attributes:
        dtype: of the weights.
        max_tokens: of the longest answer.
        temperature: 0 for the likeliest token.
        top_p: tokens are drawn from the likeliest that make up this much.
        concurrency: answers that are generated side by side.
        logprobs: whether replies carry the log-probabilities of their tokens.
        thinking: what the chat template is told about thinking.
    """

    dtype: Literal["float32", "bfloat16", "float16"]
    max_tokens: int
    temperature: float
    top_p: float
    concurrency: int
    logprobs: bool = False
    thinking: bool | None = None


def prompt_of(ask: Ask, *, chats: bool, thinking: bool | None = None) -> Prompt:
    """A question as the prompt of a model.

    >>> prompt_of(Ask.of("1", "2 + 2 =", system="Add."), chats=False).text.split()
    ['Add.', '2', '+', '2', '=']

    Args:
        ask: the question.
        chats: whether the model has a chat template.
        thinking: what that template is told about thinking; None leaves it to the template.

    Raises:
        StageError: it shows images.
    """
    if any(message.images for message in ask.messages):
        message = f"'{ask.id}' shows images, and a model that runs in the stage reads text alone"
        raise StageError(message, help="name a teacher behind a service that sees images")
    if chats:
        return Prompt(messages=ask.messages, thinking=thinking)
    text = BETWEEN.join(message.content for message in ask.messages)
    # What is asked was put together of what others wrote: no special token is meant.
    return Prompt(text=text, given=((0, len(text)),))


def with_shape(ask: Ask) -> Ask:
    """A question that says itself of which shape its answer has to be, if it has to."""
    if ask.shape is None:
        return ask
    said = SHAPED.format(shape=json.dumps(ask.shape, ensure_ascii=False))
    last = ask.messages[-1]
    last = msgspec.structs.replace(last, content=f"{last.content}{BETWEEN}{said}")
    return msgspec.structs.replace(ask, messages=(*ask.messages[:-1], last))


def seed_of(ask: Ask, sample: int) -> int:
    """The seed of one answer: it depends on nothing else that is asked beside it."""
    asked = ask.seed
    if asked is None:
        asked = seed_from("asked", [message.plain() for message in ask.messages])
    return seed_from("sample", asked, sample)


def reply_of(
    ask: Ask,
    sample: int,
    completion: Completion,
    *,
    model: str,
    logprobs: tuple[float, ...] | None = None,
) -> Reply:
    """What a model wrote, as a reply."""
    finish: Finish = "stop"
    if completion.truncated:
        finish = "length"
    elif not completion.text.strip():
        finish = "empty"
    return Reply(
        ask=ask.id,
        sample=sample,
        text=completion.text,
        tokens={"prompt": completion.prompt_tokens, "generated": completion.tokens},
        finish=finish,
        model=model,
        logprobs=logprobs,
    )
