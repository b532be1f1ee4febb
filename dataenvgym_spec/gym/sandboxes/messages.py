"""Messages between a stage and the process that judges for it: JSON behind its length."""

from __future__ import annotations

import json
import socket
from typing import Any, Final

_HEAD: Final = 4
"""The bytes of a length."""


def send(connection: socket.socket, content: Any) -> None:
    """Sends one message.

    Raises:
        OSError: the other side is gone.
    """
    data = json.dumps(content).encode()
    connection.sendall(len(data).to_bytes(_HEAD, "big") + data)


def receive(connection: socket.socket) -> Any:
    """The next message; None if the other side is gone.

    Raises:
        TimeoutError: none came in the connection's time.
    """
    head = _read(connection, _HEAD)
    if head is None:
        return None
    data = _read(connection, int.from_bytes(head, "big"))
    return None if data is None else json.loads(data)


def _read(connection: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        try:
            part = connection.recv(min(size, 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
