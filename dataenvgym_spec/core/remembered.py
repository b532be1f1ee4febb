"""What is worked out of large files, remembered by this clone: gigabytes are read once.

A file counts as unchanged while its size, inode and time of change are the same, as DVC takes it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

LARGE: Final = 1 << 20
"""Bytes from which on a digest is remembered."""
SETTLED: Final = 2.0
"""Seconds after which a later change shows in the time of change, which may count whole seconds."""
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS digests "
    "(path TEXT, algorithm TEXT, state TEXT, digest TEXT, PRIMARY KEY (path, algorithm))"
)


class Remembered:
    """Digests of files and the like; those of large ones are kept in a database of this clone.

    A clone that cannot be written to forgets them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, path: Path, algorithm: str, worked_out: Callable[[Path], str]) -> str:
        """What an algorithm gives for a file, such as its digest.

        Args:
            path: the file.
            algorithm: under which name it is remembered.
            worked_out: the algorithm, which reads the file.

        Raises:
            OSError: it cannot be read.
        """
        info = path.stat()
        if info.st_size < LARGE:
            return worked_out(path)
        state = f"{info.st_mtime_ns} {info.st_size} {info.st_ino}"
        name = str(path.absolute())
        known = self._ask(name, algorithm, state)
        if known is not None:
            return known
        digest = worked_out(path)
        if time.time() - info.st_mtime > SETTLED:
            self._keep(name, algorithm, state, digest)
        return digest

    def _ask(self, name: str, algorithm: str, state: str) -> str | None:
        if not self._path.is_file():
            return None
        query = "SELECT digest FROM digests WHERE path = ? AND algorithm = ? AND state = ?"
        try:
            with closing(self._open()) as database:
                row = database.execute(query, (name, algorithm, state)).fetchone()
        except sqlite3.OperationalError:  # busy for long, or of no use: the file is read again
            return None
        except sqlite3.DatabaseError:  # damaged
            self._path.unlink(missing_ok=True)
            return None
        return None if row is None else str(row[0])

    def _keep(self, *row: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as database, database:
                database.execute(_TABLE)
                database.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?)", row)
        except (sqlite3.Error, OSError):
            return

    def _open(self) -> sqlite3.Connection:
        # One connection a question: a process that forks may not share one.
        return sqlite3.connect(self._path, timeout=5)
