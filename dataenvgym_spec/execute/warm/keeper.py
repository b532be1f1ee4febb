"""Keeps the server of a teacher for the stages of a run: `python -m ... SOCKET PROCESS`.

It ends with the process that it serves, or when no stage has asked for long, or when it is told to
while none does. Who asks is in `servers`.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.warm.kept import idle_seconds
from dataenvgym_spec.execute.warm.listening import listening
from dataenvgym_spec.gym.teachers.server import Server

LOOK: Final = 0.2
"""Seconds between two looks at whether it is to end."""

_Start = tuple[list[str], list[str], str]


class Keeper:
    """The server of this process, once a stage has asked for it, and the stages that ask it."""

    def __init__(self) -> None:
        self.over = False
        self.users = 0
        self.left = time.monotonic()
        """When the last of them went."""
        self._server: Server | None = None
        self._counting, self._starting = threading.Lock(), threading.Lock()

    def admit(self) -> bool:
        """Counts one more that asks; False once it is to end."""
        with self._counting:
            self.users += not self.over
            return not self.over

    def serve(self, connection: Connection) -> None:
        """Sees to one that asks, until it goes."""
        try:
            with connection:
                self._serve(connection)
        finally:
            with self._counting:
                self.users -= 1
                self.left = time.monotonic()

    def _serve(self, connection: Connection) -> None:
        try:
            first = connection.recv()
            if first is None:
                with self._counting:
                    # Whoever asks for the room is the only other one that could use it.
                    self.over = self.over or self.users == 1
                if self.over:
                    self.close()
                return
            connection.send(self._started(first))
            while True:
                connection.recv()
                connection.send(self._faulty())
        except (EOFError, ConnectionError):
            return

    def _started(self, start: _Start) -> tuple[bool, tuple[object, object]]:
        """Where the server is and its key, or why there is none."""
        program, arguments, model = start
        with self._starting:
            try:
                if self._server is None:
                    self._server = Server(program, arguments, Path(model))
                    print(f"loaded {model} in a server", flush=True)
                return True, (self._server.port, self._server.key)
            except StageError as error:
                return False, self._given_up(error)

    def _faulty(self) -> tuple[bool, tuple[object, object] | None]:
        assert self._server is not None
        error = self._server.fault()
        return (True, None) if error is None else (False, self._given_up(error))

    def _given_up(self, error: StageError) -> tuple[object, object]:
        """What is said of a fault; who connects from now on starts another."""
        self.over = True
        return error.message, error.help

    def close(self) -> None:
        """Ends the server."""
        with self._starting:
            if self._server is not None:
                self._server.close()
                self._server = None


def keep(path: Path, served: int) -> None:
    """Listens until the process of the run is gone, or no stage has asked for long.

    Args:
        path: of the socket.
        served: the process of the run.
    """
    idle, keeper = idle_seconds(os.environ), Keeper()
    with listening(path, served) as found:
        if found is None:
            return
        server, lifetime = found
        while not keeper.over:
            watched: list[socket.socket | int] = [server, lifetime]
            ready = select.select(watched, [], [], LOOK)[0]
            if lifetime in ready:
                return
            if ready:
                _let_in(keeper, server)
            elif not keeper.users and time.monotonic() - keeper.left > idle:
                break
    # Nobody finds it any more; those that ask it have it to their end.
    while keeper.users and not select.select([lifetime], [], [], LOOK)[0]:
        pass
    keeper.close()


def _let_in(keeper: Keeper, server: socket.socket) -> None:
    accepted, _ = server.accept()
    connection = Connection(accepted.detach())
    if keeper.admit():
        threading.Thread(target=keeper.serve, args=(connection,), daemon=True).start()
    else:
        connection.close()


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
    # The server ends with this process, if it is still there.
    os._exit(0)
