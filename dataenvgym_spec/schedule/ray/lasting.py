"""A process on each machine of a Ray cluster that lasts as long as a run.

Ray ends and starts the processes of tasks as it likes. What stages keep for those after them, warm
workers and engines, ends with this one, which Ray ends with the process that drives the run.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import suppress
from typing import Final

_OWNER: Final = struct.Struct("3i")
"""The id of a process, its user and its group, as `SO_PEERCRED` gives them."""


class Lasting:
    """An actor of Ray's that does nothing. Tasks on its machine find it by the name of the run."""

    def __init__(self, run: str) -> None:
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Of two of Ray's nodes on one machine the first has a process for both.
        with suppress(OSError):
            self._server.bind(_name(run))
            self._server.listen()
            threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        while True:
            self._server.accept()[0].close()


def process_of(run: str) -> int | None:
    """The process on this machine that lasts as long as a run; None if there is none.

    Args:
        run: a name that nobody else knows.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        try:
            asked.connect(_name(run))
            said = asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _OWNER.size)
        except (OSError, AttributeError):  # such names are Linux's alone
            return None
    process, user, _ = _OWNER.unpack(said)
    return process if user == os.getuid() and process else None


def _name(run: str) -> bytes:
    """A name in memory and not on disk: it is gone with the process, whatever way that ends."""
    return f"\0dataenvgym-{run}".encode()
