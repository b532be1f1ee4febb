"""Sends requests to a service as it can bear them, again where that helps, and never a key astray.

Retries with jitter that honour `Retry-After`, requests and tokens a minute, a limit in flight, a
time-out for each request, and a circuit breaker: while a service fails again and again, nothing is
sent to it for a while.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import msgspec
from aiolimiter import AsyncLimiter
from circuitbreaker import CircuitBreaker
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    stop_after_attempt,
    wait_random,
    wait_random_exponential,
)

from dataenvgym_spec.core.errors import StageError, visible
from dataenvgym_spec.gym.teachers.chat import Unreadable

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

BACKOFF: Final = wait_random_exponential(multiplier=1, max=60)
SPREAD: Final = wait_random(0, 1)
"""Added to what a service asks to wait, so that all do not come back at once. Seconds."""
JSON: Final = {"Content-Type": "application/json"}
LONGEST: Final = 900.0
"""Seconds that a service may ask to wait; beyond them a user should know."""
FAILURES, RECOVERY = 10, 30
"""Failures in a row after which nothing is sent, and for how many seconds."""
SHOWN: Final = 300
"""Characters of a service's words that a message holds."""
SHORTEST_KEY: Final = 6
"""Characters of a key; a shorter one hides nothing, and its letters are in every text."""
GOES_ON: Final = "what was answered is kept; the same command goes on from there"


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
class Call:
    """A request.

    Attributes:
        url: where it goes; of the same service as all others.
        method: of HTTP.
        data: makes what is sent, for each try anew.
        headers: beside those of the service.
        is_json: whether the answer is JSON, or any text.
    """

    url: str
    method: str = "GET"
    data: Callable[[], Any] = lambda: None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_json: bool = True


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


class Transport:
    """The way to one service. It is made and used inside of one event loop.

    Args of the constructor:
        target: where requests go.
        timeout: of one request, seconds.
        retries: how often a request is made again.
        requests: begun in a minute at most.
        tokens: in a minute at most.
        sleep: waits some seconds, or until `stopped`.
    """

    def __init__(
        self,
        target: Target,
        *,
        timeout: float,
        retries: int,
        requests: int | None = None,
        tokens: int | None = None,
        sleep: Sleep | None = None,
    ) -> None:
        self.target, self.retries = target, retries
        self.stopped = asyncio.Event()
        self._sleep = sleep or self._rest
        self._requests = AsyncLimiter(requests) if requests else None
        self._tokens = AsyncLimiter(tokens) if tokens else None
        self._breaker = CircuitBreaker(FAILURES, RECOVERY, expected_exception=Broken)
        self._quiet = 0.0
        # What limits requests in flight is whoever makes them.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=timeout),
        )
        # aiohttp looks for it before each request, in a thread, which takes as long as the rest.
        self._proxy = proxy(target.url)
        self._timeout = timeout

    async def close(self) -> None:
        """Ends all connections."""
        await self._session.close()

    async def post(
        self, body: Mapping[str, Any], tokens: int, read: Callable[[Any], T]
    ) -> tuple[T, int]:
        """What a service answers to a question, and how many requests it took; see `send`."""
        data = msgspec.json.encode(body)
        call = Call(url=self.target.url, method="POST", data=lambda: data, headers=JSON)
        return await self.send(call, read, tokens)

    async def send(self, call: Call, read: Callable[[Any], T], tokens: int = 0) -> tuple[T, int]:
        """What a service answers, and how many requests it took.

        Args:
            call: the request.
            read: reads the JSON of an answer; raises `Unreadable` where it is none.
            tokens: what it may cost, about.

        Raises:
            Rejected: the service does not take this request.
            StageError: it takes none, or fails again and again.
            Stopped: the work ended before.
        """
        try:
            return await self._tried(call, tokens, read), 1
        except Transient as error:
            return await self._again(error, lambda: self._tried(call, tokens, read))

    async def rest(self, seconds: float) -> None:
        """Waits, unless the work ends before.

        Raises:
            Stopped: it ended.
        """
        await self._sleep(seconds)
        if self.stopped.is_set():
            raise Stopped

    async def _again(self, first: Transient, work: Callable[[], Awaitable[T]]) -> tuple[T, int]:
        """What work gives that has failed once, and how often it was done."""
        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.retries + 1),
            wait=_wait,
            retry=self._is_made_again,
            sleep=self._sleep,
            reraise=True,
        )
        tries = 0
        try:
            async for attempt in retrying:
                with attempt:
                    tries = attempt.retry_state.attempt_number
                    # Most requests succeed at once, so the first one is made without this.
                    if tries == 1:
                        raise first
                    answer = await work()
        except Transient as error:
            times = "one request" if tries == 1 else f"{tries} requests"
            message = f"{self.target.name}: {error} ({times})"
            raise StageError(message, help=GOES_ON) from None
        return answer, tries

    def _is_made_again(self, state: RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome is not None else None
        return isinstance(error, Transient) and not self.stopped.is_set()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), seconds)

    async def _admitted(self, tokens: int) -> None:
        """Waits until the service may be asked again."""
        for limiter, amount in ((self._requests, 1), (self._tokens, tokens)):
            if limiter is not None:
                await limiter.acquire(min(amount, limiter.max_rate))
        quiet = self._quiet - asyncio.get_running_loop().time()
        if self._breaker.opened:
            quiet = max(quiet, self._breaker.open_remaining)
        if quiet > 0:
            await self._sleep(quiet)
        if self.stopped.is_set():
            raise Stopped

    async def _tried(self, call: Call, tokens: int, read: Callable[[Any], T]) -> T:
        """What one request gives."""
        await self._admitted(tokens)
        with self._breaker:
            status, headers, text = await self._sent(call)
            if status == 200:
                return self._answer(text, read) if call.is_json else read(text)
            error = self._refused(status, headers, text)
            if isinstance(error, Busy) and error.after:
                # The others need not be told one by one.
                self._quiet = asyncio.get_running_loop().time() + error.after
            raise error

    async def _sent(self, call: Call) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and body, with the key taken out of it."""
        try:
            # A redirection would take the key to another address.
            async with self._session.request(
                call.method,
                call.url,
                data=call.data(),
                headers={**self.target.headers, **call.headers},
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                body = await response.read()
        except TimeoutError:
            raise Broken(f"no whole answer came within {self._timeout:g} s") from None
        except aiohttp.ClientConnectorDNSError:
            raise Broken("it cannot be reached: its name is not known here") from None
        except aiohttp.ClientConnectorError as error:
            reason = os.strerror(error.os_error.errno or 0).lower()
            raise Broken(f"it cannot be reached: {reason}") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Broken(f"the connection broke ({type(error).__name__})") from None
        return response.status, response.headers, self._clean(body.decode("utf-8", "replace"))

    def _clean(self, text: str) -> str:
        key = self.target.key
        return text.replace(key, "[key]") if len(key) >= SHORTEST_KEY else text

    def _answer(self, text: str, read: Callable[[Any], T]) -> T:
        try:
            content = msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise Broken(f"it answers with something that is no JSON: {_shown(text)}") from None
        # Some pass an error on under the status of success.
        error = content.get("error") if isinstance(content, dict) else None
        if isinstance(error, dict) and "choices" not in content:
            code = error.get("code")
            raise self._refused(code if isinstance(code, int) else 502, {}, text)
        try:
            return read(content)
        except Unreadable:
            raise Broken(f"it answers with other JSON than it should: {_shown(text)}") from None

    def _refused(self, status: int, headers: Mapping[str, str], text: str) -> Exception:
        """What a status other than that of success means."""
        code, words = _reason(text)
        said = f"it answers {status}, {words}"
        if code == "insufficient_quota":
            return self._fatal(said, "look at the limits and the credit of the account")
        if status in (408, 409, 425, 429) or status >= 500:
            after = waiting(headers)
            if after is not None and after > LONGEST:
                return self._fatal(f"{said}, and asks to wait {after:.0f} s", "run it again then")
            return Busy(said, after) if status == 429 else Broken(said, after)
        if status in (400, 413, 422):
            return Rejected(said, code)
        if status in (401, 403):
            # What the service says here may hold parts of the key.
            where = (
                f"the key in {self.target.secret}" if self.target.secret else "a call without key"
            )
            remedy = "set the key that this service gave you, and what it may do there"
            return self._fatal(f"it answers {status}: it does not accept {where}", remedy)
        if status == 404:
            help = "correct `model`, or the address of the service"
            return Missing(f"{self.target.name}: {said}", help=help)
        if 300 <= status < 400:
            return self._fatal(f"{said}: it is elsewhere", "give its final address")
        return self._fatal(said, "correct the options of the teacher")

    def _fatal(self, message: str, help: str) -> StageError:
        return StageError(f"{self.target.name}: {message}", help=help)


def proxy(url: str) -> str | None:
    """The proxy that the environment names for an address; None if there is none.

    >>> proxy("nowhere://localhost")
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def waiting(headers: Mapping[str, str]) -> float | None:
    """Seconds that a service asks to wait; None if it does not say so in a way that is known.

    >>> waiting({"Retry-After": "7"})
    7.0
    """
    exact = headers.get("retry-after-ms") or headers.get("Retry-After-Ms")
    text = headers.get("Retry-After") or headers.get("retry-after") or ""
    with suppress(ValueError):
        return max(0.0, float(exact) / 1000 if exact else float(text))
    with suppress(ValueError):
        ahead = parsedate_to_datetime(text) - datetime.now(UTC)
        return max(0.0, ahead.total_seconds())
    return None


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    after = getattr(error, "after", None)
    if after is None:
        return float(BACKOFF(state))
    return float(after) + float(SPREAD(state))


def _reason(text: str) -> tuple[str, str]:
    """The code of an error, and what is said of it."""
    try:
        content = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return "", _shown(text)
    error = content.get("error", content) if isinstance(content, dict) else content
    if not isinstance(error, dict):
        return "", _shown(text)
    words = error.get("message") or error.get("detail")
    return str(error.get("code") or ""), _shown(words if isinstance(words, str) else text)


def _shown(text: str) -> str:
    return f"'{visible(text.strip(), SHOWN)}'"
