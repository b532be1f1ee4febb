"""How a process that serves a run listens, until that run is gone."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def listening(path: Path, served: int) -> Iterator[tuple[socket.socket, int] | None]:
    """Listens at a path, which is there no longer afterwards.

    Args:
        path: of the socket.
        served: the process of the run.

    Yields:
        The socket, and a descriptor that can be read once the run is gone; None if it is gone
        already, or if another process was faster.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        try:
            lifetime = os.pidfd_open(served)
            _bind(server, path)
        except OSError:
            yield None
            return
        try:
            yield server, lifetime
        finally:
            path.unlink(missing_ok=True)


def _bind(server: socket.socket, path: Path) -> None:
    """Takes a path that nobody listens at. A process that was killed has left its file there.

    Raises:
        OSError: somebody listens there.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        # Of two that start at once the second finds the first, and takes nothing from it.
        fcntl.flock(folder, fcntl.LOCK_EX)
        if path.exists() and not _is_served(path):
            path.unlink()
        _sweep(path.parent)
        server.bind(str(path))
        server.listen(64)
    finally:
        os.close(folder)


def _sweep(folder: Path) -> None:
    """Removes what processes left that were killed, of runs that are gone."""
    for path in folder.glob("*.sock"):
        served, started, *_ = [*path.name.split("-"), ""]
        gone = served.isdigit() and start_of(int(served)) != started
        # Another container may share the folder, and not see the same processes.
        if gone and not _is_served(path):
            path.unlink(missing_ok=True)


def start_of(process: int) -> str | None:
    """When a process started, in the system's ticks since its own start; None if there is none.

    A number of a process is given again; this tells one from the next. Source: field 22 of
    proc_pid_stat(5).
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        try:
            other.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
    return True
