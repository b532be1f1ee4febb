"""A teacher behind a chat completions service; whose, its kinds say."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.teachers import chat
from dataenvgym_spec.gym.teachers.batches import Batches, rows
from dataenvgym_spec.gym.teachers.chat import Dialect, Settings
from dataenvgym_spec.gym.teachers.flow import Background, flow
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.refusals import Rejected, Stopped, Target
from dataenvgym_spec.gym.teachers.transport import Sleep, Transport
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import Service, service


class HttpTeacher:
    """Asks a chat completions service over HTTP. Replies come as they are complete, in any order.

    Attributes:
        settings: of what is asked, and how.
        target: where requests go, and with what.
        dialect: how the service is spoken to.
        sleep: waits between requests; see `Transport`.
    """

    settings: Settings
    target: Target
    dialect: Dialect
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
            line = background.run(self._line())
            if self.settings.batch:
                yield from self._handed_in(background, line, asks)
                return
            works = (line.ask(ask, sample) for ask in asks for sample in range(ask.samples))
            at_once = self.settings.concurrency
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
        """Begins no request more. Batches are handed in at once, and none is called off."""
        if self._end is not None:
            self._end()

    def _handed_in(
        self, background: Background, line: _Line, asks: Sequence[Ask]
    ) -> Iterator[Sequence[Reply]]:
        """The same by batches."""
        batches = Batches(line.transport, self.settings)
        try:
            handed = background.run(batches.arranged(rows(asks, self.settings)))
            works = map(batches.answers, handed)
            for several in flow(background, works, at_once=len(handed), failed=line.stop):
                yield from several
            # Whoever took them has kept them.
            background.run(batches.settle())
        finally:
            background.run(line.transport.close())

    async def _line(self) -> _Line:
        return _Line(self)


class RemoteTeacher(HttpTeacher, ABC):
    """Asks a service that is there, whose address and key are the user's.

    Raises:
        StageError: its address or its key is missing.
    """

    kind: ClassVar[str]

    def __init__(self, **options: Any) -> None:
        self.settings = msgspec.convert(options, Settings)
        found = service(definition("teacher", self.kind), options, os.environ)
        assert found is not None
        for fault in found.faults:
            raise StageError(f"teacher '{self.settings.model}': {fault.message}", help=fault.help)
        self.dialect = Dialect()
        self.target = self._target(found, os.environ.get(found.secret, "").strip())

    @abstractmethod
    def _target(self, found: Service, key: str) -> Target:
        """Where requests go, and with what."""


class _Line:
    """The requests of one call of `answer`; made and used inside of an event loop."""

    def __init__(self, teacher: HttpTeacher) -> None:
        self.teacher, settings = teacher, teacher.settings
        self.ended = False
        self.transport = Transport(
            teacher.target,
            timeout=settings.timeout,
            retries=settings.retries,
            requests=settings.requests_per_minute,
            tokens=settings.tokens_per_minute,
            sleep=teacher.sleep,
        )

    async def stop(self) -> None:
        """Has nothing more begun, and nothing made again."""
        self.transport.stopped.set()

    async def end(self) -> None:
        """The same, where nothing failed."""
        self.ended = True
        await self.stop()

    async def ask(self, ask: Ask, sample: int) -> Reply:
        """One answer to a question, in simpler words if the service does not know all of ours."""
        if self.transport.stopped.is_set():
            raise Stopped
        settings, dialect = self.teacher.settings, self.teacher.dialect
        tries = 0
        while True:
            body = chat.body(ask, sample, settings, dialect)
            tokens = chat.estimate(ask, settings)
            try:
                reply, made = await self.transport.post(
                    body, tokens, lambda content: chat.reply(ask, sample, content, settings)
                )
            except Rejected as error:
                tries += 1
                withheld = chat.withheld(ask, sample, str(error), error.code, settings)
                if withheld is not None:
                    return msgspec.structs.replace(withheld, tries=tries)
                other = chat.simpler(dialect, body, str(error))
                if other is None:
                    message = f"{self.teacher.target.name}: {error}"
                    help = "correct the options of the teacher, or what it is asked"
                    raise StageError(message, help=help) from None
                dialect = other
                continue
            if dialect != self.teacher.dialect and tries:
                self.teacher.dialect = dialect
            return msgspec.structs.replace(reply, tries=tries + made)
