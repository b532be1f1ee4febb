"""A proxy in front of a server that is slow, hangs, is full, or is not there, as a test asks."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Fault = Literal["none", "slow", "hang", "full", "broken"]

REFUSALS: dict[str, bytes] = {
    "full": b"507 Insufficient Storage",
    "broken": b"500 Internal Server Error",
}
BODY = b"no space left on device"


class Proxy:
    """Passes connections on to a port of loopback, but for what its fault is at the moment.

    Attributes:
        fault: `slow` waits before it passes on, `hang` never answers.
        asked: how many connections came.
    """

    def __init__(self, target: int) -> None:
        self.target, self.fault, self.asked = target, "none", 0
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._ended.set()
        # Wakes who waits for a connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            if self.fault == "hang":
                self._ended.wait()
            elif self.fault in REFUSALS:
                client.recv(65536)
                head = b"HTTP/1.1 " + REFUSALS[self.fault] + b"\r\nConnection: close\r\n"
                client.sendall(head + b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY))
            else:
                if self.fault == "slow":
                    time.sleep(0.2)
                self._pass_on(client)

    def _pass_on(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self.target)) as server:
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copies bytes until there are no more."""
    with contextlib.suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def proxy(target: int) -> Iterator[Proxy]:
    """A proxy that ends with the test."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()
