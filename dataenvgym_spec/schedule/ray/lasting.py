"""A process on each machine of a Ray cluster that lasts as long as a run.

Ray ends and starts the processes of tasks as it likes. What stages keep for those after them, warm
workers and engines, ends with this one, which Ray ends with the process that drives the run. It
counts the main memory that the tasks of its machine need: what is kept may have the rest.
"""

from __future__ import annotations

import os
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

_OWNER: Final = struct.Struct("3i")
"""The id of a process, its user and its group, as `SO_PEERCRED` gives them."""
_BYTES: Final = struct.Struct("q")
"""What a task needs, and what it is answered: what is left, or `_UNKNOWN`."""
_UNKNOWN: Final = -1
PATIENCE: Final = 60.0
"""Seconds after which a process that does not answer is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasts:
    """What a task is told.

    Attributes:
        process: that lasts as long as the run on this machine.
        left: bytes of main memory that no task of the run needs there; None where nobody knows.
    """

    process: int
    left: int | None = None


class Lasting:
    """An actor of Ray's. Tasks on its machine find it by the name of the run.

    Args of the constructor:
        run: a name that nobody else knows.
        memory: bytes of main memory that tasks can have there; 0 if that is not known.
    """

    def __init__(self, run: str, memory: int = 0) -> None:
        self._memory = memory
        self._taken: dict[socket.socket, int] = {}
        """What tasks need, by their connections: they are closed with the task."""
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Of two of Ray's nodes on one machine the first has a process for both, and counts the
        # tasks of both against its own memory.
        with suppress(OSError):
            self._server.bind(_name(run))
            self._server.listen()
            threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        with selectors.DefaultSelector() as watched:
            watched.register(self._server, selectors.EVENT_READ)
            while True:
                for key, _ in watched.select():
                    if key.fileobj is self._server:
                        task, _ = self._server.accept()
                        watched.register(task, selectors.EVENT_READ, task)
                    elif not self._heard(key.data):
                        watched.unregister(key.data)
                        key.data.close()

    def _heard(self, task: socket.socket) -> bool:
        """Hears what a task needs, and answers it; False once it is over."""
        self._taken.pop(task, None)
        with suppress(OSError):
            said = task.recv(_BYTES.size)
            if len(said) == _BYTES.size:
                (self._taken[task],) = _BYTES.unpack(said)
                task.sendall(_BYTES.pack(self._left()))
                return True
        return False

    def _left(self) -> int:
        """Bytes that no task needs."""
        if not self._memory:
            return _UNKNOWN
        return max(0, self._memory - sum(self._taken.values()))


@contextmanager
def taken(run: str, memory: int) -> Iterator[Lasts | None]:
    """Has main memory of this machine counted as a task's, until that is over.

    Args:
        run: a name that nobody else knows.
        memory: bytes that the task needs; 0 where nobody knows.

    Yields:
        What the process says that lasts as long as the run; None if there is none.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(PATIENCE)
        yield _told(asked, run, memory)


def _told(asked: socket.socket, run: str, memory: int) -> Lasts | None:
    try:
        asked.connect(_name(run))
        owner = asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _OWNER.size)
        asked.sendall(_BYTES.pack(memory))
        said = asked.recv(_BYTES.size)
    except (OSError, AttributeError):  # such names are Linux's alone
        return None
    process, user, _ = _OWNER.unpack(owner)
    if user != os.getuid() or not process or len(said) < _BYTES.size:
        return None
    (left,) = _BYTES.unpack(said)
    return Lasts(process=process, left=None if left == _UNKNOWN else left)


def _name(run: str) -> bytes:
    """A name in memory and not on disk: it is gone with the process, whatever way that ends."""
    return f"\0dataenvgym-{run}".encode()
