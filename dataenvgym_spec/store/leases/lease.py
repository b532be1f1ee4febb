"""Takes a lease, keeps it by a heartbeat, and finds out when it is lost.

No clock of one host is compared with another's: a holder is taken for dead by whoever has watched
it for the whole term, by his own clock, without a sign of life. That can be wrong, of a host that
slept. Then two hosts work, and the number decides which of them publishes.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace

from dataenvgym_spec.core.faults import LEASE_LOST, MachineFault
from dataenvgym_spec.store.leases.identity import process_id
from dataenvgym_spec.store.leases.log import LeaseEvent, Log, new_mark
from dataenvgym_spec.store.leases.register import Register

BEATS: Final = 5
"""Signs of life in a term: a few may be late."""
LOOKS: Final = 20
"""How often in a term one looks who waits."""
MOST_EVENTS: Final = 16
"""Events that a log may have before it is shortened: a history that a person can read."""
LONGEST_LOOK: Final = 2.0
"""Seconds after which one looks again at most, whatever the term."""
AGAIN: Final = "nothing of it was published; run again, which takes the result that is there"


class LeaseLost(MachineFault):
    """Another host has taken a lease over; whatever its former holder has made is not published."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message, help=help, code=LEASE_LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time, as leases ask for it."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Lease:
    """A lease that this process holds, as far as it knows.

    Attributes:
        number: rises with each holder.
        before: the last event of the log when it was taken.
        lost: set once somebody else holds it.
    """

    def __init__(self, log: Log, claim: LeaseEvent, before: LeaseEvent | None) -> None:
        self.log, self.claim, self.before = log, claim, before
        self.number = claim.lease
        self.lost = threading.Event()
        self._tail = claim.lease
        self._beats = 0
        # The heartbeat must not take an event that is just being written for somebody else's.
        self._writing = threading.Lock()

    @property
    def name(self) -> str:
        """What it is a lease on."""
        return self.log.name

    @property
    def taken_over(self) -> bool:
        """Whether its former holder may be alive and does not know that it has lost it."""
        return self.before is not None and self.before.is_held

    def beat(self) -> None:
        """Gives a sign of life."""
        self._beats += 1
        self.log.write_beat(self.number, self._beats)

    def is_held(self) -> bool:
        """Whether nobody else has taken it. True can be outdated at once; False stays."""
        with self._writing:
            if not self.lost.is_set() and self.log.goes_on(self._tail):
                self.lost.set()
        return not self.lost.is_set()

    def require(self) -> None:
        """Checks that nobody else has taken it.

        Raises:
            LeaseLost: somebody has.
        """
        if not self.is_held():
            raise self.loss()

    def publish(self, result: Mapping[str, Any], *, since: int | None = None) -> None:
        """Makes a result the one of this name, if it is not so already.

        Args:
            result: what is published.
            since: of a result that was made before this lease was taken, the last number of the log
                that its maker knows of.

        Raises:
            LeaseLost: somebody else holds the lease, or has published another result since.
        """
        published = self.log.published()
        if published is not None and published.result == dict(result):
            self.require()
            return
        if since is not None and self.log.published_since(since):
            raise self._outdone(published)
        if not self._append("published", dict(result)):
            raise self.loss()

    def release(self) -> None:
        """Lets others have it, unless they have it already."""
        if not self.lost.is_set() and self._append("released", None):
            self.log.shorten(MOST_EVENTS)

    def loss(self) -> LeaseLost:
        """What to tell of its loss."""
        _, last = self.log.last()
        other = "another host" if last is None else last.holder
        message = (
            f"'{self.name}' was taken over by {other}: "
            f"this process gave no sign of life for {self.claim.seconds:g} s"
        )
        return LeaseLost(message, help=AGAIN)

    def _outdone(self, published: LeaseEvent | None) -> LeaseLost:
        """What to tell of a result that comes late."""
        other = "another host" if published is None else published.holder
        message = f"'{self.name}' was taken over by {other}, which has published a result of it"
        return LeaseLost(message, help=AGAIN)

    def _append(self, act: Any, result: dict[str, Any] | None) -> bool:
        event = replace(self.claim, act=act, mark=new_mark(), result=result)
        with self._writing:
            if self.lost.is_set() or not self.log.append(self._tail + 1, event):
                self.lost.set()
                return False
            self._tail += 1
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """Who asks for leases.

    Attributes:
        holder: the host and process, for people.
        clone: the repository that it works in.
        seconds: how long it may be silent before others take it for dead.
        process: the process, as no other one is called.
    """

    holder: str
    clone: str
    seconds: float
    process: str = ""

    @classmethod
    def here(cls, clone: str, seconds: float) -> Claimant:
        """This process."""
        holder = f"{socket.gethostname()}, process {os.getpid()}"
        return cls(holder=holder, clone=clone, seconds=seconds, process=process_id())


def take(
    register: Register,
    name: str,
    claimant: Claimant,
    *,
    waiting: Callable[[str], None] | None = None,
    clock: Clock | None = None,
) -> Lease | None:
    """Takes a lease, once its holder has released it or has been silent for its term.

    Args:
        register: where it is written down.
        name: what it is on.
        claimant: who takes it.
        waiting: called with the holder before waiting for it; without it, a lease whose holder is
            seen to live is not waited for.
        clock: another one than this machine's.

    Returns:
        The lease; None if somebody else holds it and is not waited for.
    """
    clock = clock or Clock()
    log = Log(register, name)
    seen: tuple[int, bytes | None] | None = None
    since, told = 0.0, ""
    while True:
        # Before it looks: a pause of this process between the two would count for the holder.
        now = clock.now()
        number, last = log.last()
        if last is None or not last.is_held:
            lease = _claim(log, number, last, claimant)
            if lease is not None:
                return lease
            continue
        sign = (number, log.beat(last.lease))
        if seen is not None and sign != seen and waiting is None:
            return None
        if sign != seen:
            seen, since = sign, clock.now()
        elif now - since >= max(last.seconds, claimant.seconds):
            lease = _claim(log, number, last, claimant)
            if lease is not None:
                return lease
            continue
        if waiting is not None and told != last.holder:
            told = last.holder
            waiting(told)
        clock.sleep(look(claimant.seconds))


def look(seconds: float) -> float:
    """A time until the next look, of no two hosts the same."""
    return min(seconds / LOOKS, LONGEST_LOOK) * random.uniform(0.8, 1.2)


def _claim(log: Log, number: int, last: LeaseEvent | None, claimant: Claimant) -> Lease | None:
    event = LeaseEvent(
        act="claimed",
        lease=number + 1,
        holder=claimant.holder,
        clone=claimant.clone,
        seconds=claimant.seconds,
        mark=new_mark(),
        process=claimant.process,
    )
    return Lease(log, event, last) if log.append(number + 1, event) else None


class Heartbeat:
    """Keeps a lease while this process works, in a thread of it.

    A paused or hung machine pauses the thread, too, which is the point: what beats for another
    process would keep alive the lease of a dead one.
    """

    def __init__(self, lease: Lease, *, interrupt: bool = True) -> None:
        self._lease, self._interrupt = lease, interrupt
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._lease.beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        period = self._lease.claim.seconds / BEATS
        while not self._ended.wait(period):
            try:
                self._lease.beat()
                held = self._lease.is_held()
            except Exception:  # a network that is down; if it stays so, others take over
                continue
            if not held:
                if not self._ended.is_set() and self._interrupt:
                    _interrupt_main()
                return


def _interrupt_main() -> None:
    """Wakes the main thread as Ctrl-C does, wherever it waits, if it heeds that."""
    if signal.getsignal(signal.SIGINT) not in (None, signal.SIG_IGN, signal.SIG_DFL):
        ident = threading.main_thread().ident
        if ident is not None:
            signal.pthread_kill(ident, signal.SIGINT)
