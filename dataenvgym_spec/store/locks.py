"""One executor per key and clone.

A lock that the kernel drops with its holder, and a process that dies with its parent.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

PR_SET_PDEATHSIG: Final = 1


@contextmanager
def held(path: Path, *, waiting: Callable[[str], None] | None = None) -> Iterator[bool]:
    """Holds an exclusive lock on a file; yields whether it was got.

    Args:
        path: the lock file.
        waiting: called with the holder's description before waiting for it; without it, a held
            lock is not waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        got = _try(handle)
        if not got and waiting is not None:
            handle.seek(0)
            waiting(handle.read().strip())
            fcntl.flock(handle, fcntl.LOCK_EX)
            got = True
        if got:
            handle.seek(0)
            handle.truncate()
            handle.write(f"process {os.getpid()}\n")
            handle.flush()
        yield got


def holder(path: Path) -> str | None:
    """Who holds a lock; None if nobody does. Changes nothing, so it may be read-only."""
    try:
        with path.open(encoding="utf-8") as handle:
            # A lock that others may share is got where nobody has it for himself.
            return None if _try(handle, fcntl.LOCK_SH) else handle.read().strip()
    except FileNotFoundError:
        return None


def _try(handle: IO[str], kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def die_with_parent(expected: int | None = None) -> None:
    """Asks the kernel to kill this process when its parent dies.

    Only Linux can; elsewhere the stage lock alone keeps order.

    Args:
        expected: the parent as it should be; if it has died already, this process ends at once.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if expected is not None and os.getppid() != expected:
        os._exit(1)


def hear_interrupts() -> None:
    """Has this process hear Ctrl-C, and what was sent before.

    Who started it may not: Ray's workers, and what a shell has put into the background.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def end_unless_descends_from(ancestor: int, depth: int = 8) -> None:
    """Ends this process if its chain of parents no longer leads to `ancestor`.

    Then a process in between was killed.
    """
    pid = os.getppid()
    for _ in range(depth):
        if pid == ancestor:
            return
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except OSError:
            break
        # State and parent come after the program's name in parentheses, which may hold anything.
        fields = stat.rpartition(")")[2].split()
        pid = int(fields[1])
    if sys.platform == "linux":
        os._exit(1)
