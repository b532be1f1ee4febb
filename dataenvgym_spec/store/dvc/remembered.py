"""Hashes of large files that this clone remembers, so that a plan does not read gigabytes of weights again.

A file counts as unchanged while its size, inode and time of change are the same, as DVC itself takes it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import md5_file
from dataenvgym_spec.store import atomic

LARGE: Final = 1 << 20
SETTLED: Final = 2.0
"""Seconds after which a file's time tells its next change: a file system may count in whole seconds."""


class Remembered:
    """MD5 hashes of files; those of large ones are kept in a file of this clone."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, list[object]] | None = None
        self._new = False

    def md5(self, path: Path) -> str:
        """The hash of a file."""
        info = path.stat()
        if info.st_size < LARGE:
            return md5_file(path)
        sign = [info.st_mtime_ns, info.st_size, info.st_ino]
        known = self._load()
        row = known.get(str(path), [])
        if row[:3] == sign and isinstance(row[-1], str):
            return row[-1]
        digest = md5_file(path)
        if time.time() - info.st_mtime > SETTLED:
            known[str(path)] = [*sign, digest]
            self._new = True
        return digest

    def save(self) -> None:
        """Keeps what was learned. A clone that cannot be written to forgets it."""
        if not self._new or self._known is None:
            return
        kept = {path: row for path, row in sorted(self._known.items()) if Path(path).exists()}
        try:
            atomic.write(self._path, json.dumps(kept, indent=0) + "\n")
        except OSError:
            return

    def _load(self) -> dict[str, list[object]]:
        if self._known is None:
            try:
                content = json.loads(self._path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                content = {}
            self._known = (
                {path: row for path, row in content.items() if isinstance(row, list)}
                if isinstance(content, dict)
                else {}
            )
        return self._known
