"""Asks a program of the user's: an address on the network, or a command of this machine.

Only what the user's environment names is asked, never what a spec says; see `language.services`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.secrets import Secrets, in_address, opening
from dataenvgym_spec.gym.posting import posted
from dataenvgym_spec.gym.programs import Failed, answered
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.language.services import Service, service

LONGEST: Final = 4 * 1024 * 1024
"""Bytes of an answer."""


class AsksOutside(Protocol):
    """A component that asks a program outside, through a line that the journal stands before."""

    line: Teacher


class Line:
    """The way to a program. It asks like a teacher: a question is the text that the program gets.

    Attributes:
        accept: raises what is wrong with an answer that shall not be kept.
    """

    def __init__(self, slot: str, kind: str, name: str, *, timeout: float) -> None:
        self.slot, self.kind, self.name, self.timeout = slot, kind, name, timeout
        self.accept: Callable[[str], Any] = lambda _text: None

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """One reply to each question.

        Raises:
            StageError: the user's environment does not name it, it fails, takes too long, writes
                too much, or `accept` refuses what it says.
        """
        where = self._where()
        for ask in asks:
            text = self._asked(where, ask.messages[-1].content)
            self.accept(text)
            yield Reply(ask=ask.id, text=text, tokens={}, finish="stop", model=self.name)

    def _where(self) -> Service:
        """What the environment says, at the moment that it is asked: a replay needs nothing."""
        found = service(definition(self.slot, self.kind), {"name": self.name}, os.environ)
        assert found is not None
        for fault in found.faults:
            raise StageError(f"the {self.slot} '{self.name}': {fault.message}", help=fault.help)
        return found

    def _asked(self, where: Service, text: str) -> str:
        key = os.environ.get(where.secret, "").strip() or None
        # A command has the environment of this process, with all keys in it.
        mine = (key or "", *in_address(where.address))
        secrets, content = Secrets([*mine, *opening(os.environ)]), text.encode()
        try:
            if where.command:
                raw = answered(where.command, content, timeout=self.timeout, longest=LONGEST)
            else:
                raw = posted(where.address, content, key=key, timeout=self.timeout, longest=LONGEST)
            return secrets.hide(raw.decode())
        except UnicodeDecodeError:
            error = Failed("its answer is not UTF-8")
        except Failed as failed:
            error = failed
        said = secrets.hide(str(error))
        raise StageError(f"the {self.slot} '{self.name}' failed: {said}", help=error.help)
