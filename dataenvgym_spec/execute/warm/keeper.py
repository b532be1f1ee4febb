"""Keeps the server of a teacher for the stages of a run: `python -m ... SOCKET PROCESS`.

It ends with the process that it serves, or when no stage has asked for long, or when it is told to
while none does. Who asks is in `servers`.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.warm.kept import idle_seconds, stays
from dataenvgym_spec.execute.warm.listening import listening
from dataenvgym_spec.gym.teachers.server import Server, Unwanted

LOOK: Final = 200
"""Milliseconds between two looks at whether it is to end."""

_Start = tuple[list[str], list[str], str]


class Keeper:
    """The server of this process, once a stage has asked for it, and the stages that ask it."""

    def __init__(self, idle: float) -> None:
        self.over = False
        """Whether it is to end: nobody that comes from now on is answered."""
        self._idle, self._left = idle, time.monotonic()
        """For how many seconds nobody may ask, and when the last one went."""
        self._late: list[Connection] = []
        """Those that have to wait for its end: by then there is room, or another one."""
        self._asking: dict[int, Connection] = {}
        """Those that ask it, by the descriptor that says when they are gone."""
        self._server: Server | None = None
        self._counting, self._starting = threading.Lock(), threading.Lock()

    def ends(self) -> bool:
        """Whether nobody asks it, and it is to end or has not been asked for long."""
        with self._counting:
            if self._asking:
                return False
            self.over = self.over or time.monotonic() - self._left > self._idle
            return self.over

    def serve(self, connection: Connection) -> None:
        """Sees to one that has connected, until it goes; see `watched`."""
        with suppress(EOFError, OSError):
            self._serve(connection)
        if not self.over:
            connection.close()
            return
        with self._counting:
            # It is no longer answered, and so must not be what this process waits for.
            self._asking = {mark: one for mark, one in self._asking.items() if one != connection}
            self._late.append(connection)

    def _serve(self, connection: Connection) -> None:
        first = connection.recv()
        if isinstance(first, int):
            # What it takes is wanted. Who may have that asks the server itself, if any stage does.
            with self._counting:
                used = bool(self._asking)
                self.over = self.over or not stays(connection, first, used=used)
            return
        if self._counted(connection):
            connection.send(self._started(first))
            while True:
                connection.recv()
                connection.send(self._faulty())

    def _counted(self, connection: Connection) -> bool:
        """Counts one that asks, unless this is to end."""
        with self._counting:
            if not self.over:
                # A descriptor of its own: the other may be another connection's by then.
                self._asking[os.dup(connection.fileno())] = connection
            return not self.over

    def watched(self) -> list[int]:
        """What says that a stage is gone, be it that it was killed while a server starts for it."""
        with self._counting:
            return list(self._asking)

    def gone(self, descriptor: int) -> None:
        """Counts one less."""
        with self._counting:
            known = self._asking.pop(descriptor, None)
            self._left = time.monotonic()
        if known is not None:
            os.close(descriptor)

    def _started(self, start: _Start) -> tuple[bool, tuple[object, object]]:
        """Where the server is and its key, or why there is none."""
        program, arguments, model = start
        with self._starting:
            if self.over:
                raise EOFError
            try:
                if self._server is not None and not self._server.runs:
                    self._server.close()
                    self._server = None
                if self._server is None:
                    self._server = Server(program, arguments, Path(model), wanted=self._wanted)
                    print(f"loaded {model} in a server", flush=True)
                return True, (self._server.port, self._server.key)
            except Unwanted as error:  # who asks by now has another one started
                raise EOFError from error
            except StageError as error:
                return False, self._given_up(error)

    def _wanted(self) -> bool:
        """Whether a server that is being started still is: what waits for it may be killed."""
        return bool(self._asking) and not self.over

    def _faulty(self) -> tuple[bool, tuple[object, object] | None]:
        server = self._server
        error = None if server is None else server.fault()
        return (True, None) if error is None else (False, self._given_up(error))

    def _given_up(self, error: StageError) -> tuple[object, object]:
        """What is said of a fault; who connects from now on starts another."""
        self.over = True
        return error.message, error.help

    def close(self) -> None:
        """Ends the server, and one that is just being started."""
        self.over = True
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
    keeper = Keeper(idle_seconds(os.environ))
    with listening(path, served) as found:
        if found is None:
            return
        server, lifetime = found
        while not keeper.ends():
            polled = select.poll()
            for descriptor in (server.fileno(), lifetime):
                polled.register(descriptor, select.POLLIN)
            for descriptor in keeper.watched():
                polled.register(descriptor, select.POLLRDHUP)
            ready = {descriptor for descriptor, _ in polled.poll(LOOK)}
            if lifetime in ready:
                break
            for descriptor in ready - {server.fileno()}:
                keeper.gone(descriptor)
            if server.fileno() in ready:
                accepted, _ = server.accept()
                connection = Connection(accepted.detach())
                threading.Thread(target=keeper.serve, args=(connection,), daemon=True).start()
        keeper.close()


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
    os._exit(0)
