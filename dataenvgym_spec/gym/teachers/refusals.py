"""What a service's failures and refusals mean: whether to ask again, and what a user is told."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import StageError, visible

LONGEST: Final = 900.0
"""Seconds that a service may ask to wait; beyond them a user should know."""
SHOWN: Final = 300
"""Characters of a service's words that a message holds."""


class Stopped(Exception):
    """Another request ended the work before this one was made."""


class Transient(Exception):
    """A request that may succeed when it is made again.

    Attributes:
        after: seconds that the service asks to wait; None if it does not.
    """

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Busy(Transient):
    """The service is well, and wants fewer requests."""


class Broken(Transient):
    """The service or the way to it fails."""


class Rejected(Exception):
    """The service does not take this request (400, 422).

    Attributes:
        code: the service's word for why.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Missing(StageError):
    """What an address names is not there (404)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests go.

    Attributes:
        name: of the service, for messages.
        base: what all addresses of the service begin with.
        url: of questions, with a query that may hold more than a message may show.
        headers: with the key.
        key: what must appear nowhere; empty if there is none.
        secret: the variable that holds the key.
    """

    name: str
    base: str = field(repr=False)
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    key: str = field(default="", repr=False)
    secret: str = ""

    def refusal(self, status: int, headers: Mapping[str, str], text: str) -> Exception:
        """What a status other than that of success means."""
        code, words = reason(text)
        said = f"it answers {status}, {words}"
        if code == "insufficient_quota":
            return self.fatal(said, "look at the limits and the credit of the account")
        if status in (408, 409, 425, 429) or status >= 500:
            after = waiting(headers)
            if after is not None and after > LONGEST:
                return self.fatal(f"{said}, and asks to wait {after:.0f} s", "run it again then")
            return Busy(said, after) if status == 429 else Broken(said, after)
        if status in (400, 413, 422):
            return Rejected(said, code)
        if status in (401, 403):
            # What the service says here may hold parts of the key.
            where = f"the key in {self.secret}" if self.secret else "a call without key"
            remedy = "set the key that this service gave you, and what it may do there"
            return self.fatal(f"it answers {status}: it does not accept {where}", remedy)
        if status == 404:
            help = "correct `model`, or the address of the service"
            return Missing(f"{self.name}: {said}", help=help)
        if 300 <= status < 400:
            return self.fatal(f"{said}: it is elsewhere", "give its final address")
        return self.fatal(said, "correct the options of the teacher")

    def fatal(self, message: str, help: str) -> StageError:
        """What ends the work."""
        return StageError(f"{self.name}: {message}", help=help)


def waiting(headers: Mapping[str, str]) -> float | None:
    """Seconds that a service asks to wait; None if it does not say so in a way that is known.

    >>> waiting({"Retry-After": "7"})
    7.0
    """
    exact = headers.get("retry-after-ms") or headers.get("Retry-After-Ms")
    text = headers.get("Retry-After") or headers.get("retry-after") or ""
    seconds: float | None = None
    with suppress(ValueError):
        seconds = float(exact) / 1000 if exact else float(text)
    # The other form is a date; one without a time zone is none.
    with suppress(ValueError, TypeError):
        if seconds is None:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if seconds is not None and isfinite(seconds) else None


def reason(text: str) -> tuple[str, str]:
    """The code of an error, and what is said of it."""
    try:
        content = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return "", quoted(text)
    error = content.get("error", content) if isinstance(content, dict) else content
    if not isinstance(error, dict):
        return "", quoted(text)
    words = error.get("message") or error.get("detail")
    return str(error.get("code") or ""), quoted(words if isinstance(words, str) else text)


def quoted(text: str) -> str:
    """The beginning of a service's words."""
    return f"'{visible(text.strip(), SHOWN)}'"
