"""The history of one lease: a numbered log that hosts only append to.

An event is appended by creating the next number, which one host alone can do. So whoever acts on a
log that has gone on fails: that is what keeps a host from publishing that was taken for dead.

A log can be shortened, and its last event always stays. Numbers therefore never start again, and a
host that creates one whose neighbours are gone finds a higher one, and has lost.
"""

from __future__ import annotations

import time
import uuid
from typing import Any, Final, Literal

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import canonical
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.store.leases.register import Register

DIGITS: Final = 12
BEAT: Final = ".beat"
LOOKS: Final = 120
"""How often the last event is looked for where a name is listed and not there."""
PAUSE: Final = 1.0
"""Seconds between two such looks."""
Act = Literal["claimed", "published", "released"]


class LeaseEvent(Record, frozen=True, kw_only=True):
    """What a host did with a lease.

    Attributes:
        act: what it did.
        lease: the number of the lease that it acted under.
        holder: the host and process, for people.
        clone: the repository that it works in, a mark that no other has.
        seconds: how long the holder may be silent.
        mark: tells this event from all others.
        process: the holder, as no other process is called; empty where that was not written.
        result: of a result that was published, what tells it from others and where it is.
    """

    act: Act
    lease: int
    holder: str
    clone: str
    seconds: float
    mark: str
    process: str = ""
    result: dict[str, Any] | None = None

    @property
    def is_held(self) -> bool:
        """Whether its holder holds the lease after it."""
        return self.act != "released"


class Log:
    """The log of one lease in a register."""

    def __init__(self, register: Register, name: str) -> None:
        self.register, self.name = register, name

    def numbers(self) -> list[int]:
        """The numbers of all events, in order."""
        names = self.register.names(self.name)
        return sorted(int(name) for name in names if name.isdecimal())

    def event(self, number: int) -> LeaseEvent | None:
        """An event; None if it is not there any more.

        Raises:
            StageError: somebody else has written there.
        """
        content = self.register.read(self._path(number))
        if content is None:
            return None
        try:
            return LeaseEvent.parse(parse_json(content.decode()))
        except (ValueError, msgspec.ValidationError) as error:
            message = f"the lease '{self._path(number)}' cannot be read: {error}"
            help = "use one release of dataenvgym_spec on all hosts; see docs/leases.md"
            raise StageError(message, help=help) from error

    def last(self) -> tuple[int, LeaseEvent | None]:
        """The last event and its number; 0 and None of an empty log.

        Raises:
            StageError: somebody else has written there, or what is there cannot be read.
        """
        number = 0
        for look in range(LOOKS):
            numbers = self.numbers()
            if not numbers:
                return 0, None
            event = self.event(numbers[-1])
            if event is not None:
                return numbers[-1], event
            # The log went on and was shortened meanwhile. A network disk may show a name for a
            # minute that is gone.
            if look and numbers[-1] == number:
                time.sleep(PAUSE)
            number = numbers[-1]
        message = f"the lease '{self._path(number)}' is listed, and is not there"
        help = "look whether that folder or bucket is whole, and whether this user may read it"
        raise StageError(message, help=help)

    def append(self, number: int, event: LeaseEvent) -> bool:
        """Appends an event; False if the log has gone on without it."""
        content = canonical(event.plain()).encode()
        created = self.register.create(self._path(number), content)
        # The answer to a request that was served may be lost, and the same one sent again: then it
        # is ours that exists.
        if not created and self.register.read(self._path(number)) != content:
            return False
        return not self.goes_on(number)

    def goes_on(self, number: int) -> bool:
        """Whether there is an event after one of this number."""
        return any(later > number for later in self.numbers())

    def published(self) -> LeaseEvent | None:
        """The last result that was published.

        Of a log that was shortened, a late host can have created a number before the first: there
        is a gap behind it, or an event of another lease.
        """
        after: tuple[int, LeaseEvent] | None = None
        for number in reversed(self.numbers()):
            event = self.event(number)
            if event is None or (after is not None and not _follows(*after, number, event)):
                return None
            if event.act == "published":
                return event
            after = number, event
        return None

    def published_since(self, number: int) -> bool:
        """Whether a result was published after an event of this number.

        What cannot be read any more was removed with the log going on.
        """
        later = (self.event(other) for other in self.numbers() if other > number)
        return any(event is None or event.act == "published" for event in later)

    def beat(self, lease: int) -> bytes | None:
        """The last sign of life under a lease."""
        return self.register.read(f"{self._path(lease)}{BEAT}")

    def write_beat(self, lease: int, count: int) -> None:
        """Gives a sign of life. Each lease has its own, so that a late one disturbs no other."""
        content = f"{count:020d}\n".encode()
        self.register.overwrite(f"{self._path(lease)}{BEAT}", content)

    def shorten(self, most: int = 0) -> None:
        """Removes what nobody needs of the log of a lease that nobody holds.

        The last result stays, and the last event, which keeps the numbers rising.

        Args:
            most: how many events are left as they are.
        """
        numbers = self.numbers()
        if len(numbers) <= most:
            return
        _, last = self.last()
        if last is None or last.is_held:
            return
        first = numbers[-1]
        for number in reversed(numbers):
            event = self.event(number)
            if event is not None and event.act == "published":
                first = number
                break
        for name in self.register.names(self.name):
            number_of = name.removesuffix(BEAT)
            if number_of.isdecimal() and int(number_of) < first:
                self.register.remove(f"{self.name}/{name}")

    def _path(self, number: int) -> str:
        return f"{self.name}/{number:0{DIGITS}d}"


def _follows(number: int, event: LeaseEvent, before: int, earlier: LeaseEvent) -> bool:
    """Whether an event was appended to a log that ended with another one."""
    if number != before + 1:
        return False
    return event.act == "claimed" or event.lease == earlier.lease


def new_mark() -> str:
    """A mark for an event."""
    return uuid.uuid4().hex
