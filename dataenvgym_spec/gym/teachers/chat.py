"""What is said to a chat completions service, and what its answers mean. Sends nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dataenvgym_spec.gym.prompt import Message
from dataenvgym_spec.gym.teachers.protocol import Ask, Finish, Reply

SHAPED: Final = (
    "Answer with one JSON value that fits this JSON Schema, and with nothing else:\n\n{shape}"
)
"""What is said of an answer's shape to a service that takes no schema."""
REASONS: Final[Mapping[str, Finish]] = {
    "length": "length",
    "content_filter": "refusal",
    "tool_calls": "invalid",
    "function_call": "invalid",
}
"""Why an answer ended, in the words of the interface; anything else is a whole answer."""
FILTERED: Final = ("content_filter", "content_policy_violation")
"""Codes of a request that is not answered for what it asks."""
CHARACTERS_A_TOKEN: Final = 3
"""A low guess, so that an estimate is not too small."""
TOKENS_OF_IMAGE: Final = 1000


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is asked; the options of a teacher, as its definition has them."""

    model: str
    provider: str
    max_tokens: int
    logprobs: bool
    concurrency: int
    timeout: float
    retries: int
    temperature: float | None = None
    top_p: float | None = None
    address: str | None = None
    key_env: str | None = None
    api_version: str = ""
    batch: bool = False
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """Which words of the interface a service knows.

    Attributes:
        schema: whether it takes a JSON Schema of the answer.
        strict: whether it holds answers to one; not every schema can be held to everywhere.
        longest: what it calls the length of the longest answer.
    """

    schema: bool = True
    strict: bool = True
    longest: str = "max_tokens"


class Unreadable(Exception):
    """A body is no chat completion."""


def body(ask: Ask, sample: int, settings: Settings, dialect: Dialect) -> dict[str, Any]:
    """The request for one answer to a question."""
    shape = ask.shape
    content: dict[str, Any] = {"model": settings.model, dialect.longest: settings.max_tokens}
    messages = [_message(message) for message in ask.messages]
    if shape is not None and dialect.schema:
        schema = {"name": "answer", "schema": shape, "strict": dialect.strict and _is_strict(shape)}
        content["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif shape is not None:
        said = SHAPED.format(shape=json.dumps(shape, ensure_ascii=False))
        messages[-1] = _message(ask.messages[-1], more=f"\n\n{said}")
    content["messages"] = messages
    if ask.seed is not None:
        content["seed"] = (ask.seed + sample) & 0x7FFFFFFF
    for name in ("temperature", "top_p"):
        value = getattr(settings, name)
        if value is not None:
            content[name] = value
    return {**content, "logprobs": True} if settings.logprobs else content


def estimate(ask: Ask, settings: Settings) -> int:
    """How many tokens a question and its answer have at most, about."""
    letters = sum(len(message.content) for message in ask.messages)
    images = sum(len(message.images) for message in ask.messages)
    return letters // CHARACTERS_A_TOKEN + images * TOKENS_OF_IMAGE + settings.max_tokens


def withheld(ask: Ask, sample: int, error: str, code: str, settings: Settings) -> Reply | None:
    """The reply to a question that a service does not answer for what it says; None if it may.

    Args:
        ask: the question.
        sample: which answer.
        error: the service's words.
        code: its word for them.
        settings: how it was asked.
    """
    finish: Finish | None = None
    if code in FILTERED:
        finish = "refusal"
    elif code == "context_length_exceeded" or "context length" in error.lower():
        finish = "length"
    if finish is None:
        return None
    return Reply(
        ask=ask.id,
        sample=sample,
        text="",
        tokens=_tokens(None),
        finish=finish,
        model=settings.model,
    )


def simpler(dialect: Dialect, request: Mapping[str, Any], reason: str) -> Dialect | None:
    """A dialect to ask in again where a service refuses a request; None if there is none.

    Args:
        dialect: what was spoken.
        request: what was refused.
        reason: the service's words.
    """
    if dialect.longest in reason and dialect.longest == "max_tokens":
        return msgspec.structs.replace(dialect, longest="max_completion_tokens")
    shaped = request.get("response_format")
    if shaped is not None and shaped["json_schema"]["strict"]:
        return msgspec.structs.replace(dialect, strict=False)
    if shaped is not None:
        return msgspec.structs.replace(dialect, schema=False)
    return None


def reply(ask: Ask, sample: int, content: Any, settings: Settings) -> Reply:
    """The answer that the body of a response holds.

    Raises:
        Unreadable: it is no chat completion.
    """
    choices = content.get("choices") if isinstance(content, dict) else None
    if not isinstance(choices, list):
        raise Unreadable
    text, finish, logprobs = "", "empty", None
    if choices:
        text, finish = _said(choices[0])
        logprobs = _logprobs(choices[0]) if settings.logprobs else None
    model = content.get("model")
    return Reply(
        ask=ask.id,
        sample=sample,
        text=text,
        tokens=_tokens(content.get("usage")),
        finish=finish,  # type: ignore[arg-type]
        model=model if isinstance(model, str) else settings.model,
        logprobs=logprobs,
    )


def _message(message: Message, more: str = "") -> dict[str, Any]:
    text = message.content + more
    if not message.images:
        return {"role": message.role, "content": text}
    parts: list[dict[str, Any]] = []
    for image in message.images:
        url = f"data:{image.media};base64,{image.data}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": message.role, "content": [*parts, {"type": "text", "text": text}]}


def _is_strict(shape: Any) -> bool:
    """Whether a schema is of the sort that OpenAI holds answers to.

    Every object lists all of its properties as required, and takes no others.
    """
    if isinstance(shape, list):
        return all(map(_is_strict, shape))
    if not isinstance(shape, dict):
        return True
    properties = shape.get("properties")
    if shape.get("type") == "object" or properties is not None:
        closed = shape.get("additionalProperties") is False
        if not closed or set(properties or ()) != set(shape.get("required", ())):
            return False
    return all(map(_is_strict, shape.values()))


def _said(choice: Any) -> tuple[str, Finish]:
    """The text of an answer, and how it ended."""
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise Unreadable
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        return refusal, "refusal"
    text = _text(message.get("content"))
    finish = REASONS.get(str(choice.get("finish_reason")), "stop")
    return text, "empty" if finish == "stop" and not text.strip() else finish


def _text(content: Any) -> str:
    """The text of a message, which may come in parts."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        raise Unreadable
    texts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def _logprobs(choice: Mapping[str, Any]) -> tuple[float, ...] | None:
    held = choice.get("logprobs")
    rows = held.get("content") if isinstance(held, dict) else None
    try:
        return tuple(float(row["logprob"]) for row in rows or ())
    except (KeyError, TypeError, ValueError):
        return None


def _tokens(usage: Any) -> dict[str, int]:
    """What a service says that it counted; nothing of one that does not say."""
    given = usage if isinstance(usage, dict) else {}
    details = given.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    tokens = {
        "prompt": _count(given.get("prompt_tokens")),
        "generated": _count(given.get("completion_tokens")),
    }
    return {**tokens, "cached": cached} if cached else tokens


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
