"""The journal of this machine: every response of a teacher, by the key of what determined it.

One SQLite file serves all stages and processes. What a response is, and how its key is made, is
`execute.journaled`'s business; where the file is, `store.place`'s.

A response that is kept survives the end of its process at once: the commit has handed it to the
system. `settle` makes it survive the end of the machine too, together with all that were kept
before, and is called before anyone uses it. One wait for the disk then serves many responses, and
what arrives during the wait is not lost with the process.

A file that is damaged is set aside, never removed; what can be read of it, and the responses that
the logs of stages hold, are taken over into a new one.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.records.responses import Response, read_responses
from dataenvgym_spec.store.locks import held

T = TypeVar("T")

FORMAT: Final = 1
BATCH: Final = 500
"""How many keys or rows a statement is about; SQLite takes up to 999 in its oldest builds."""
PATIENCE: Final = 120.0
"""Seconds to wait for another process that writes."""
FRESH: Final = 2.0
"""Seconds within which another process may not have settled what it kept."""
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS responses "
    "(key TEXT PRIMARY KEY, stage TEXT, at REAL, reply TEXT, crc INTEGER)"
)
_SETTLED: Final = "CREATE TABLE IF NOT EXISTS settled (id INTEGER PRIMARY KEY, at REAL)"
_FIELDS: Final = "key, stage, at, reply, crc"
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def answered(path: Path, stage: str) -> frozenset[str]:
    """The keys of a stage's responses, of a journal that is neither made nor mended for it."""
    place = f"{path.absolute().as_uri()}?mode=rw"
    query = "SELECT key FROM responses WHERE stage = ?"
    with suppress(sqlite3.Error), closing(sqlite3.connect(place, uri=True)) as connection:
        return frozenset(key for (key,) in connection.execute(query, (stage,)))
    return frozenset()


class Damaged(Exception):
    """A row is not what was written."""


class Journal:
    """The file, open in this process. It may be used by several threads.

    Args of the constructor:
        path: the file; it and its folder are made if they do not exist.
        logs: the `responses.jsonl` that a damaged journal is rebuilt from, when it comes to that.
        say: prints a line for the user.
    """

    def __init__(
        self,
        path: Path,
        *,
        logs: Callable[[], Iterable[Path]] = tuple,
        say: Callable[[str], None] = print,
    ) -> None:
        self.path, self._logs, self._say = path, logs, say
        self._lock = threading.RLock()
        self._unsettled = False
        self._connection, self._inode = self._opened()

    def close(self) -> None:
        """Settles what was kept and closes the file."""
        with self._lock:
            with suppress(UserError):
                self.settle()
            self._connection.close()

    def find(self, keys: Sequence[str]) -> dict[str, Response]:
        """The responses of those of some keys that are there; ask for `BATCH` at a time."""
        rows: dict[str, Response] = {}
        for some in batches(keys):
            rows.update(self._guarded(partial(self._found, some)))
        if any(time.time() - response.at < FRESH for response in rows.values()):
            self._unsettled = True
        return rows

    def known(self, keys: Sequence[str]) -> set[str]:
        """Those of some keys that are there."""
        found: set[str] = set()
        for some in batches(keys):
            query = f"SELECT key FROM responses WHERE key IN ({_marks(some)})"
            rows = self._guarded(partial(self._all, query, some))
            found.update(row[0] for row in rows)
        return found

    def keep(self, responses: Iterable[Response]) -> int:
        """Keeps responses in one transaction; of two for one key the first stays.

        Returns:
            How many are new.
        """
        rows = [_row(response) for response in responses]
        added = self._guarded(partial(self._insert, rows))
        self._unsettled = True
        return added

    def settle(self) -> None:
        """Waits until all that was kept, here and by others, is on the disk."""
        if self._unsettled:
            self._guarded(self._sync)
            self._unsettled = False

    def responses(self) -> Iterator[Response]:
        """All responses, in the order in which they came."""
        last = given = 0
        query = f"SELECT rowid, {_FIELDS} FROM responses WHERE rowid > ? ORDER BY rowid LIMIT ?"
        inode = self._inode
        while True:
            rows = self._guarded(partial(self._numbered, query, (last, BATCH)))
            if inode != self._inode:
                # It was set aside. The new file counts from 1 what could be read of the old one,
                # which all that was given is the beginning of.
                inode, last = self._inode, given
                continue
            if not rows:
                return
            last = rows[-1][0]
            given += len(rows)
            yield from (response for _, response in rows)

    def count(self) -> int:
        """How many there are."""
        rows = self._guarded(partial(self._all, "SELECT count(*) FROM responses"))
        return int(rows[0][0])

    def take_over(
        self, path: Path, accepted: Callable[[Response], bool] = lambda _response: True
    ) -> tuple[int, int]:
        """Keeps what a file of responses holds, one a line.

        Args:
            path: the file.
            accepted: whether a response is one that a stage can use.

        Returns:
            How many are new, and how many lines could not be read.

        Raises:
            StageError: the file cannot be read.
        """
        added = unreadable = 0
        batch: list[Response] = []
        for response in read_responses(path):
            if response is None or not accepted(response):
                unreadable += 1
                continue
            batch.append(response)
            if len(batch) == BATCH:
                added += self.keep(batch)
                batch = []
        added += self.keep(batch)
        self.settle()
        return added, unreadable

    # --- the file ---------------------------------------------------------------------------------

    def _guarded(self, action: Callable[[], T]) -> T:
        """What an action gives; once more if the file turns out to be damaged or replaced."""
        with self._lock:
            try:
                if self._replaced():
                    self._reopen()
                return action()
            except (sqlite3.DatabaseError, Damaged) as error:
                if not _is_damage(error):
                    raise self._unusable(error) from error
                self._mend()
            try:
                return action()
            except (sqlite3.DatabaseError, Damaged) as error:
                raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> UserError:
        message = f"the journal '{self.path}' cannot be used: {error}"
        help = "look at its folder and disk, or set DATAENVGYM_JOURNAL to another folder"
        return StageError(message, help=help)

    def _replaced(self) -> bool:
        """Whether another process has set the file aside, or someone has removed it."""
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True

    def _reopen(self) -> None:
        self._connection.close()
        self._connection, self._inode = self._opened()

    def _opened(self) -> tuple[sqlite3.Connection, int]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Two that make the file at once would refuse each other the change to WAL.
            with held(self._lock_file, waiting=_wait):
                try:
                    connection = _connect(self.path)
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    self._set_aside()
                    connection = _connect(self.path)
        except (sqlite3.DatabaseError, OSError) as error:
            raise self._unusable(error) from error
        return connection, self.path.stat().st_ino

    @property
    def _lock_file(self) -> Path:
        return self.path.with_suffix(".lock")

    def _mend(self) -> None:
        """Sets the damaged file aside, unless another process has, and opens the new one."""
        with held(self._lock_file, waiting=_wait):
            self._connection.close()
            if not self._replaced():
                self._set_aside()
        self._connection, self._inode = self._opened()

    def _set_aside(self) -> None:
        """Renames the file, and takes over what can be read of it and what logs hold."""
        aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
        self.path.rename(aside)
        for ending in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.path}{ending}").rename(f"{aside}{ending}")
        saved = 0
        with closing(_connect(self.path)) as connection:
            for responses in (_readable(aside), self._logged()):
                for response in responses:
                    saved += connection.execute(_INSERT, _row(response)).rowcount
        message = f"the journal was damaged and is set aside as '{aside}'"
        self._say(f"{message}; {saved} responses were taken over from it and from the logs")

    def _logged(self) -> Iterator[Response]:
        for path in self._logs():
            with suppress(StageError):
                yield from filter(None, read_responses(path))

    # --- statements -------------------------------------------------------------------------------

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, tuple(values)).fetchall()

    def _found(self, keys: Sequence[str]) -> dict[str, Response]:
        query = f"SELECT {_FIELDS} FROM responses WHERE key IN ({_marks(keys)})"
        found = map(_response, self._all(query, keys))
        return {response.key: response for response in found}

    def _numbered(self, query: str, values: Sequence[Any]) -> list[tuple[int, Response]]:
        return [(row[0], _response(row[1:])) for row in self._all(query, values)]

    def _insert(self, rows: Sequence[tuple[Any, ...]]) -> int:
        added = self._written(rows)
        if self._replaced():
            # It was set aside in between, and what was written is in the file of that name.
            self._reopen()
            added = self._written(rows)
        return added

    def _written(self, rows: Sequence[tuple[Any, ...]]) -> int:
        with _transaction(self._connection):
            return self._connection.executemany(_INSERT, rows).rowcount

    def _sync(self) -> None:
        # A commit that waits for the disk waits for all of the log before it.
        self._connection.execute("PRAGMA synchronous = FULL")
        try:
            self._connection.execute("INSERT OR REPLACE INTO settled VALUES (1, ?)", (time.time(),))
        finally:
            self._connection.execute("PRAGMA synchronous = NORMAL")


_INSERT: Final = f"INSERT OR IGNORE INTO responses ({_FIELDS}) VALUES (?, ?, ?, ?, ?)"


def _connect(path: Path) -> sqlite3.Connection:
    """Opens the file, and makes what it has to hold.

    Raises:
        sqlite3.DatabaseError: it is none of ours.
        UserError: a later release made it.
    """
    # One connection for all threads, which `Journal` lets in one by one.
    connection = sqlite3.connect(
        path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
    )
    # A text that is no UTF-8 is a damaged row; by itself sqlite3 would fail for all of a query.
    connection.text_factory = _text
    try:
        (number,) = connection.execute("PRAGMA user_version").fetchone()
        if number > FORMAT:
            message = f"the journal '{path}' was made by a later release of dataenvgym-spec"
            raise UserError(message, help="update it, or set DATAENVGYM_JOURNAL to another folder")
        connection.execute("PRAGMA synchronous = NORMAL")
        if number < FORMAT:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_TABLE)
            connection.execute(_SETTLED)
            connection.execute(f"PRAGMA user_version = {FORMAT}")
    except BaseException:
        connection.close()
        raise
    return connection


class _transaction:
    """Commits what is done inside, or takes it back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __enter__(self) -> None:
        # At once: a transaction that begins by reading may not be allowed to write later.
        self.connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *rest: object) -> None:
        self.connection.execute("COMMIT" if kind is None else "ROLLBACK")


def _readable(path: Path) -> Iterator[Response]:
    """What can be read of a damaged file, from its beginning and from its end."""
    for order in ("ASC", "DESC"):
        query = f"SELECT {_FIELDS} FROM responses ORDER BY rowid {order}"
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as connection:
            connection.text_factory = _text
            for row in connection.execute(query):
                with suppress(Damaged):
                    yield _response(row)


def _row(response: Response) -> tuple[Any, ...]:
    reply = msgspec.json.encode(response.reply)
    return response.key, response.stage, response.at, reply.decode(), zlib.crc32(reply)


def _response(row: Sequence[Any]) -> Response:
    """A response of a row.

    Raises:
        Damaged: it is not what was written.
    """
    key, stage, at, reply, crc = row
    try:
        data = reply.encode()
        if zlib.crc32(data) != crc:
            raise Damaged(f"the response {key} is not what was written")
        # The checksum is of the reply alone: another column may hold a value of any type.
        fields = {"key": key, "stage": stage, "at": at, "reply": msgspec.json.decode(data)}
        return Response.parse(fields)
    except (AttributeError, msgspec.DecodeError) as error:
        raise Damaged(f"a row of it is unreadable: {error}") from error


def _text(data: bytes) -> str:
    """A text of the file; one that was damaged comes out otherwise than it was written."""
    return data.decode("utf-8", "replace")


def _is_damage(error: Exception) -> bool:
    if isinstance(error, Damaged):
        return True
    # The extended codes have the plain one in their lowest byte.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Values in runs of as many as one statement is about."""
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def _wait(_holder: str) -> None:
    """Nothing is said of so short a wait."""
