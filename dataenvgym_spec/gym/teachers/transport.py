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

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.secrets import Secrets
from dataenvgym_spec.gym.teachers.chat import Unreadable
from dataenvgym_spec.gym.teachers.refusals import Broken, Busy, Stopped, Target, Transient, quoted

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

BACKOFF: Final = wait_random_exponential(multiplier=1, max=60)
SPREAD: Final = wait_random(0, 1)
"""Added to what a service asks to wait, so that all do not come back at once. Seconds."""
JSON: Final = {"Content-Type": "application/json"}
FAILURES, RECOVERY = 10, 30
"""Failures in a row after which nothing is sent, and for how many seconds."""
PATIENCE, SILENCE = 5.0, 30.0
"""Seconds of a wait that a user is told of, and until the next one is told."""
GOES_ON: Final = "what was answered is kept; the same command goes on from there"


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
        self._secrets = Secrets([target.key])
        self.stopped = asyncio.Event()
        self._sleep = sleep or self._rest
        self._requests = AsyncLimiter(requests) if requests else None
        self._tokens = AsyncLimiter(tokens) if tokens else None
        self._breaker = CircuitBreaker(FAILURES, RECOVERY, expected_exception=Broken)
        self._quiet, self._told = 0.0, -SILENCE
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
            read: reads the JSON or the text of an answer; raises `Unreadable` where it is none.
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
            before_sleep=self._tell,
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

    def _tell(self, state: RetryCallState) -> None:
        """Says why a run stands still; of many requests that wait, the first."""
        now, seconds = asyncio.get_running_loop().time(), state.upcoming_sleep
        if seconds < PATIENCE or now - self._told < SILENCE:
            return
        self._told = now
        error = state.outcome.exception() if state.outcome is not None else None
        print(f"  {self.target.name}: {error}; asked again in {seconds:.0f} s", flush=True)

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
                return self._answer(text, read) if call.is_json else _text(text, read)
            error = self.target.refusal(status, headers, text)
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
        except ValueError as error:
            # Its text may hold the address, a header or a proxy, and so what opens them.
            message = f"the request cannot be made ({type(error).__name__})"
            help = "correct the address of the service, its key, or the proxy of this environment"
            raise self.target.fatal(message, help) from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Broken(f"the connection broke ({type(error).__name__})") from None
        text = self._secrets.hide(body.decode("utf-8", "replace"))
        return response.status, response.headers, text

    def _answer(self, text: str, read: Callable[[Any], T]) -> T:
        try:
            content = msgspec.json.decode(text)
        except msgspec.DecodeError:
            raise Broken(f"it answers with something that is no JSON: {quoted(text)}") from None
        # Some pass an error on under the status of success.
        error = content.get("error") if isinstance(content, dict) else None
        if isinstance(error, dict) and "choices" not in content:
            code = error.get("code")
            raise self.target.refusal(code if isinstance(code, int) else 502, {}, text)
        try:
            return read(content)
        except Unreadable:
            raise Broken(f"it answers with other JSON than it should: {quoted(text)}") from None


def _text(text: str, read: Callable[[Any], T]) -> T:
    try:
        return read(text)
    except Unreadable:
        raise Broken(f"it answers with another text than it should: {quoted(text)}") from None


def proxy(url: str) -> str | None:
    """The proxy that the environment names for an address; None if there is none.

    >>> proxy("nowhere://localhost")
    """
    parts = urlsplit(url)
    if parts.hostname == "127.0.0.1" or proxy_bypass(parts.hostname or ""):
        return None  # a server that was started here is asked directly
    return getproxies().get(parts.scheme)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    after = getattr(error, "after", None)
    if after is None:
        return float(BACKOFF(state))
    return float(after) + float(SPREAD(state))
