"""Hashes of large files, remembered by this clone: a plan does not read gigabytes of weights twice.

A file counts as unchanged while its size, inode and time of change are the same, as DVC takes it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import md5_file
from dataenvgym_spec.records.files import json_text, parse_json
from dataenvgym_spec.store import atomic

LARGE: Final = 1 << 20
"""Bytes from which on a hash is remembered."""
SETTLED: Final = 2.0
"""Seconds after which a later change shows in the time of change, which may count whole seconds."""


class Remembered:
    """MD5 hashes of files; those of large ones are kept in a file of this clone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Of each path: time of change, size, inode, hash.
        self._rows: dict[str, list[object]] | None = None
        self._changed = False

    def md5(self, path: Path) -> str:
        """The hash of a file.

        Raises:
            OSError: it cannot be read.
        """
        info = path.stat()
        if info.st_size < LARGE:
            return md5_file(path)
        signature = [info.st_mtime_ns, info.st_size, info.st_ino]
        rows = self._load()
        row = rows.get(str(path), [])
        if row[:3] == signature and isinstance(row[-1], str):
            return row[-1]
        digest = md5_file(path)
        age = time.time() - info.st_mtime
        if age > SETTLED:
            rows[str(path)] = [*signature, digest]
            self._changed = True
        return digest

    def save(self) -> None:
        """Keeps what was learned. A clone that cannot be written to forgets it."""
        if not self._changed or self._rows is None:
            return
        kept = {path: row for path, row in self._rows.items() if Path(path).exists()}
        try:
            atomic.write(self._path, json_text(kept))
        except OSError:
            return

    def _load(self) -> dict[str, list[object]]:
        if self._rows is None:
            self._rows = _read(self._path)
        return self._rows


def _read(path: Path) -> dict[str, list[object]]:
    """The remembered rows; none if the file is missing or damaged."""
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {name: row for name, row in content.items() if isinstance(row, list)}
