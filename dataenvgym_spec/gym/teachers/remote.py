"""A teacher behind a chat completions service; whose, its kinds say."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.teachers import chat
from dataenvgym_spec.gym.teachers.batches import Batches, rows
from dataenvgym_spec.gym.teachers.chat import Dialect, Settings
from dataenvgym_spec.gym.teachers.client import Client, Pace
from dataenvgym_spec.gym.teachers.flow import Background, flow
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply
from dataenvgym_spec.gym.teachers.refusals import Rejected, Target
from dataenvgym_spec.gym.teachers.transport import Transport
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import Service, service


class HttpTeacher(Client):
    """Asks a chat completions service.

    Attributes:
        settings: of what is asked, and how.
        dialect: how the service is spoken to.
    """

    settings: Settings
    dialect: Dialect

    @property
    def pace(self) -> Pace:
        """How fast and how patiently the service is asked."""
        return self.settings

    def together(self, asks: Sequence[Ask]) -> Iterator[Sequence[Reply]]:
        """The replies that came together; see `Client`."""
        if self.settings.batch:
            yield from self._handed_in(asks)
        else:
            yield from super().together(asks)

    def _handed_in(self, asks: Sequence[Ask]) -> Iterator[Sequence[Reply]]:
        """The same by batches, which are handed in at once; none is called off."""
        with Background() as background:
            line = background.run(self.line())
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

    async def asked(self, transport: Transport, ask: Ask, sample: int) -> Reply:
        """One answer to a question, in simpler words if the service does not know all of ours."""
        settings, dialect = self.settings, self.dialect
        tries = 0
        while True:
            body = chat.body(ask, sample, settings, dialect)
            tokens = chat.estimate(ask, settings)
            try:
                reply, made = await transport.post(
                    body, tokens, lambda content: chat.reply(ask, sample, content, settings)
                )
            except Rejected as error:
                tries += 1
                withheld = chat.withheld(ask, sample, str(error), error.code, settings)
                if withheld is not None:
                    return msgspec.structs.replace(withheld, tries=tries)
                other = chat.simpler(dialect, body, str(error))
                if other is None:
                    message = f"{self.target.name}: {error}"
                    help = "correct the options of the teacher, or what it is asked"
                    raise StageError(message, help=help) from None
                dialect = other
                continue
            if dialect != self.dialect and tries:
                self.dialect = dialect
            return msgspec.structs.replace(reply, tries=tries + made)


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
