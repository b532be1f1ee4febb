"""DVC's command line with some of its messages as a user needs them.

Its closing hint, a `git add` that names every lock by itself, is left out: DVC has no setting for
it but `core.autostage`, which changes the user's index. And a disk that is full, which DVC calls
"no possible cache link types" (dvc/output.py drops the reason), is called so. A stage that Ctrl-C
ended is no failure. What another DVC is reading or writing is waited for, where DVC gives up; and
where it would try again for ever, at a database that has no room, it gives up.

It is `python -m dataenvgym_spec.store.dvc.messages repro ...`, for `dataenvgym run`.
"""

from __future__ import annotations

import errno
import logging
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.errors import FREE_SOME
from dataenvgym_spec.core.full import full_text, space_text
from dataenvgym_spec.store.dvc.busy import release
from dataenvgym_spec.store.dvc.known import state_folder
from dataenvgym_spec.store.layout import Layout

HINTS: Final = "dvc.repo.scm_context"
"""The module of DVC whose messages are the closing hint."""
INTERRUPTED: Final = 130
"""The exit code of what Ctrl-C ended."""
UNFETCHED: Final = 75
"""The exit code where nothing failed but to bring a result from a remote; EX_TEMPFAIL of BSD."""
PULL: Final = "--pull"
FAILURES: Final = "dvc.cli"
"""The module of DVC that says why a command failed."""
EXITED: Final = re.compile(r"exited with (-?\d+)\Z")
"""How DVC says which exit code a stage had; a negative one is a signal."""
FAILED: Final = 255
"""The exit code of DVC where a command failed; what it could not read, or Ctrl-C, have others."""
BUSY: Final = "is busy"
"""What DVC says of a path that another process of it is reading or writing."""
HALF_WRITTEN: Final = "RWLockFileCorruptedError"
"""What DVC raises where it cannot read which processes work here."""
BEGIN: Final = "BEGIN IMMEDIATE"
"""The statement with which DVC's databases start to write (diskcache/core.py)."""
LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
"""What SQLite says where another process writes, which passes."""
HELD: Final = frozenset({errno.EAGAIN, errno.EACCES})
"""What systems say of a lock that another process has."""
LOOK: Final = 0.5
"""Seconds between two looks at such a path."""


@dataclass(slots=True)
class Heard:
    """What DVC said of a failure.

    Attributes:
        unlinked: the paths to which it could not bring a result.
        busy: what another process keeps it from; empty if none does.
        status: the exit code of the stage that failed, if one did.
    """

    unlinked: list[str] = field(default_factory=list)
    busy: str = ""
    status: int | None = None

    def __call__(self, record: logging.LogRecord) -> bool:
        """Whether a message is for the user; a filter of `logging`."""
        for error in _chain(record):
            text = str(error)
            self.unlinked.extend(getattr(error, "fs_paths", ()))
            kind = type(error).__name__
            # One that was killed may have left the list of who works half-written.
            if kind == HALF_WRITTEN or (kind == "LockError" and BUSY in text):
                self.busy = text
            exited = EXITED.search(text)
            if exited:
                self.status = int(exited.group(1))
        if self.status is not None:
            # Nobody kept it from running. Trying again would run what Ctrl-C has ended.
            self.busy = ""
        # After Ctrl-C whoever started DVC says that nothing is lost.
        return not self.busy and self.status != INTERRUPTED


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs DVC.

    Args:
        arguments: of its command line; those of this process if None.

    Returns:
        Its exit code, or `UNFETCHED`.
    """
    return call(sys.argv[1:] if arguments is None else arguments)[0]


def call(arguments: Sequence[str]) -> tuple[int, Heard]:
    """Runs DVC in the working directory, which is the repository.

    Returns:
        Its exit code, or `UNFETCHED`, and what it said of a failure.
    """
    from dvc.cli import main as dvc

    _give_up_at_faults()
    hints, failures = logging.getLogger(HINTS), logging.getLogger(FAILURES)
    hints.addFilter(_is_warning)
    told = False
    while True:
        heard = Heard()
        failures.addFilter(heard)
        code = int(dvc(list(arguments)))
        failures.removeFilter(heard)
        if not heard.busy:
            break
        if not told:
            print(f"  waiting: {heard.busy.strip()}", file=sys.stderr, flush=True)
            told = True
        # Processes that were killed may still be on DVC's list.
        release(Layout(root=Path.cwd()))
        time.sleep(LOOK)
    if heard.unlinked:
        help = _explanation(Path(heard.unlinked[0]).parent)
        print(f"  = help: {help}", file=sys.stderr)
    elif code and heard.status is None:
        # Of a database that cannot grow, for one, it says "disk I/O error".
        full = full_text(_written(Path.cwd()))
        if full:
            print(f"  = help: {full}", file=sys.stderr)
        elif PULL in arguments and code == FAILED:
            # No stage failed, and nothing of this machine: what was left is the remote.
            code = UNFETCHED
    return code, heard


def wait_closely(seconds: float) -> None:
    """Has DVC look often whether its lock is free, for as long as it takes.

    By default it looks every half second, which stages that end side by side would often wait.

    Args:
        seconds: between two looks.
    """
    from dvc import lock

    def acquire(self: Any) -> None:
        while True:
            try:
                self._do_lock()
            except lock.LockError as error:
                # DVC takes a file system without locks for another process, which never ends.
                fault = next(filter(_is_fault, _causes(error)), None)
                if fault is not None:
                    reason = getattr(fault, "strerror", None) or str(fault)
                    message = f"'{self._lockfile}' cannot be locked: {reason.lower()}"
                    raise lock.LockError(message) from fault
                time.sleep(seconds)
            else:
                return

    # It has no setting for this; dvc/lock.py takes it from a constant, together with a time limit.
    lock.Lock.lock = acquire


def _give_up_at_faults() -> None:
    """Has DVC's databases tell a fault from another writer.

    A write waits for others by trying `BEGIN` again, whatever SQLite says of it. On a disk that is
    full it says the same each time, and DVC would never end.
    """
    from diskcache import core

    def execute(self: Any) -> Callable[..., sqlite3.Cursor]:
        run: Callable[..., sqlite3.Cursor] = self._con.execute

        def begin(statement: str, *values: Any) -> sqlite3.Cursor:
            try:
                return run(statement, *values)
            except sqlite3.OperationalError as error:
                # An extended code has the kind in its lowest byte.
                if statement != BEGIN or error.sqlite_errorcode & 0xFF in LOCKED:
                    raise
                raise sqlite3.DatabaseError(str(error)) from error

        return begin

    core.Cache._sql = property(execute)


def _chain(record: logging.LogRecord) -> Iterator[BaseException]:
    """The exception that a message tells of, and what it was raised for."""
    return _causes(record.exc_info[1] if record.exc_info else None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception, and what it was raised for."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _is_fault(error: BaseException) -> bool:
    """Whether an exception says of a lock more than that somebody has it."""
    return isinstance(error, OSError) and error.errno not in HELD


def _explanation(folder: Path) -> str:
    """What a failed link into a folder means, with the space that is left there."""
    return (
        "DVC could not bring a result from its cache to its place, nearly always because the disk "
        f"is full: {space_text(folder)}; {FREE_SOME}"
    )


def _written(root: Path) -> Iterator[Path]:
    """Where DVC writes, that there is."""
    places = (root, cache_folder(root), state_folder(root))
    return (place for place in places if place.is_dir())


def _is_warning(record: logging.LogRecord) -> bool:
    """Whether a message is more than a hint."""
    return record.levelno >= logging.WARNING


if __name__ == "__main__":
    sys.exit(main())
