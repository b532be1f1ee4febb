"""Asks a service over HTTP, many requests at once; what is said to it, its kinds say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from dataenvgym_spec.gym.teachers.flow import Background, flow
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.refusals import Stopped, Target
from dataenvgym_spec.gym.teachers.transport import Sleep, Transport


class Pace(Protocol):
    """How fast and how patiently a service is asked."""

    @property
    def concurrency(self) -> int:
        """Requests in flight."""

    @property
    def timeout(self) -> float:
        """Of one request, seconds."""

    @property
    def retries(self) -> int:
        """How often a request is made again."""

    @property
    def requests_per_minute(self) -> int | None:
        """Begun at most."""

    @property
    def tokens_per_minute(self) -> int | None:
        """At most."""


class Client(ABC):
    """Asks a service over HTTP. Replies come as they are complete, in any order.

    Attributes:
        target: where requests go, and with what.
        sleep: waits between requests; see `Transport`.
    """

    target: Target
    sleep: Sleep | None = None
    _end: Callable[[], None] | None = None
    """Ends what is asked, while something is."""

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """As many replies to each question as it asks for; see `together`."""
        for replies in self.together(asks):
            yield from replies

    def together(self, asks: Sequence[Ask]) -> Iterator[Sequence[Reply]]:
        """The replies that came together; each sample is a request of its own.

        Raises:
            StageError: the service cannot be reached, fails again and again, or refuses to work.
                What was under way is handed on before.
        """
        with Background() as background:
            line = background.run(self.line())
            works = (line.ask(ask, sample) for ask in asks for sample in range(ask.samples))
            at_once = self.pace.concurrency
            self._end = lambda: background.run(line.end())
            try:
                yield from flow(background, works, at_once=at_once, failed=line.stop)
            except Exception:
                # Whoever had it stopped has a reason of his own.
                if not line.ended:
                    raise
            finally:
                self._end = None
                background.run(line.transport.close())

    def stop(self) -> None:
        """Begins no request more."""
        if self._end is not None:
            self._end()

    @property
    @abstractmethod
    def pace(self) -> Pace:
        """How fast and how patiently the service is asked."""

    @abstractmethod
    async def asked(self, transport: Transport, ask: Ask, sample: int) -> Reply:
        """One answer to a question.

        Raises:
            StageError: the service fails again and again, or does not take what it is asked.
        """

    async def line(self) -> Line:
        """The requests of one call."""
        return Line(self)


class Line:
    """The requests of one call of `answer`; made and used inside of an event loop."""

    def __init__(self, client: Client) -> None:
        self.client, pace = client, client.pace
        self.ended = False
        self.transport = Transport(
            client.target,
            timeout=pace.timeout,
            retries=pace.retries,
            requests=pace.requests_per_minute,
            tokens=pace.tokens_per_minute,
            sleep=client.sleep,
        )

    async def stop(self) -> None:
        """Has nothing more begun, and nothing made again."""
        self.transport.stopped.set()

    async def end(self) -> None:
        """The same, where nothing failed."""
        self.ended = True
        await self.stop()

    async def ask(self, ask: Ask, sample: int) -> Reply:
        """One answer to a question."""
        if self.transport.stopped.is_set():
            raise Stopped
        return await self.client.asked(self.transport, ask, sample)
