"""A process that judges for many stages: a warm worker keeps it, and the stages of its run find it.

What a scorer imports takes longer than most stages have to judge. The process is the one of `warm`,
in bubblewrap, and lives as long as the worker. It makes each function once and then forks a process
for each stage, which forks a child for each text. Without bubblewrap, stages have their own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import SHORT, digest
from dataenvgym_spec.gym.sandboxes import filter as calls
from dataenvgym_spec.gym.sandboxes.bubblewrap import available, judging, stop
from dataenvgym_spec.gym.sandboxes.warm import SHARED

JUDGES: Final = "DATAENVGYM_JUDGES"
"""The environment variable with the beginning of the path of the socket where it listens."""


@contextmanager
def sharing(base: Path) -> Iterator[None]:
    """Keeps a process that judges for this one and for what it starts, unless there is one.

    Args:
        base: the beginning of the socket's path.
    """
    os.environ[JUDGES] = str(base)
    path = _socket(base)
    # It ends with the writing end; `--die-with-parent` is not sure while bubblewrap starts.
    lives, keeps = os.pipe()
    process = _started(path, lives)
    os.close(lives)
    try:
        yield
    finally:
        del os.environ[JUDGES]
        os.close(keeps)
        if process is not None:
            path.unlink(missing_ok=True)
            stop(process)


def connected() -> socket.socket | None:
    """A connection to the process that judges for this run; None if there is none."""
    base = os.environ.get(JUDGES)
    if base is None:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(_socket(Path(base))))
    except OSError:
        connection.close()
        return None
    return connection


def _socket(base: Path) -> Path:
    """Where a process listens that imports from the same places as this one."""
    places = digest("places", [path for path in sys.path if path])
    return base.with_name(f"{base.name}-{places[:SHORT]}.sock")


def _started(path: Path, lives: int) -> subprocess.Popen[bytes] | None:
    """The process that listens at a path, until a pipe is closed.

    None if another does, or if here a text could end it, and so cost another stage.
    """
    program = available()
    if program is None or not calls.possible():
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        try:
            server.bind(str(path))
        except OSError:
            return None
        server.listen(64)
        return subprocess.Popen(
            [*judging(program), SHARED],
            stdin=server.fileno(),
            stdout=lives,
            env={},
            start_new_session=True,
        )
