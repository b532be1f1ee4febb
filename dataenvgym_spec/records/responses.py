"""Responses of teachers, as the journal and the logs of stages keep them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.record import Record

RESPONSES: Final = "responses.jsonl"
"""The file of a stage's log that holds what teachers answered it."""


class Response(Record, frozen=True, kw_only=True):
    """A response; a row of the journal, and a line of an exported one.

    Attributes:
        key: the digest of all that determined it.
        stage: the key of the stage that it was asked for, which has paid for it.
        at: when it came, in seconds since the epoch.
        reply: the response, as JSON values: text, tokens, finish, model, ...
    """

    key: str
    stage: str
    at: float
    reply: dict[str, Any]


class LoggedResponse(Response, frozen=True, kw_only=True):
    """A response that a stage used, with the question; a row of its `log/responses.jsonl`.

    Attributes:
        teacher: the model that was asked or, where a teacher names none, its kind.
        ask: the name of the question.
        sample: which of its answers.
        messages: the question as it was put; an image is named by its digest.
        fault: what is wrong with its shape, where it was asked for again.
    """

    teacher: str
    ask: str
    sample: int
    messages: tuple[dict[str, Any], ...]
    fault: str | None = None


def read_responses(path: Path) -> Iterator[Response | None]:
    """The responses of a file, one a line; None for a line that holds none, as a torn one does.

    Raises:
        StageError: the file cannot be read.
    """
    decoder = msgspec.json.Decoder(Response)
    try:
        with path.open("rb") as handle:
            for line in handle:
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    yield None
    except OSError as error:
        message = f"'{path}' cannot be read: {error.strerror}"
        raise StageError(
            message, help="name a file that 'dataenvgym journal export' wrote"
        ) from error
