"""Hashes that DVC has remembered: what it has hashed once, nobody reads a second time.

DVC keeps them outside of the repository, by path, with inode, time and size (dvc_data/hashfile/
state.py; where, dvc/repo/__init__.py says). A contract test compares this module with the installed
DVC. Where anything is otherwise than expected, nothing is known, and a file is hashed.
"""

from __future__ import annotations

import getpass
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.core.dvc_config import site_folder
from dataenvgym_spec.core.hashing import md5_text

LARGE: Final = 1 << 20
"""Bytes from which on a look into a database is faster than reading the file."""
SHARED: Final = "/var/tmp/dvc"
"""Where DVC keeps its state unless `DVC_SITE_CACHE_DIR` or its configuration says otherwise."""
_QUERY: Final = "SELECT value FROM Cache WHERE key = ? AND raw = 1"


class _Entry(msgspec.Struct):
    """What DVC knows of a file."""

    checksum: str
    hash_info: dict[str, str]
    version: int | None = None


class Known:
    """The hashes that DVC has remembered of the files of one repository."""

    def __init__(self, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._root, self._environ = root, environ

    def md5(self, path: Path) -> str | None:
        """The hash of a large file; None of a small one, or if DVC does not know it as it is now.

        Raises:
            OSError: there is no such file.
        """
        info = path.stat()
        entry = self._entry(str(path)) if info.st_size >= LARGE else None
        if entry is None or entry.version != 1:
            return None
        # The file system's description of a file, hashed as fsspec does it.
        signature = str(([info.st_ino, info.st_mtime, info.st_size],))
        token = md5_text(signature)
        return entry.hash_info.get("md5") if entry.checksum == str(int(token, 16)) else None

    def _entry(self, name: str) -> _Entry | None:
        if self._database is None:
            return None
        address = f"{self._database.as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True)) as database:
                row = database.execute(_QUERY, (name,)).fetchone()
            return msgspec.json.decode(row[0], type=_Entry) if row else None
        except (sqlite3.Error, msgspec.DecodeError, TypeError):
            return None

    @cached_property
    def _database(self) -> Path | None:
        """DVC's database of hashes; None if there is none where it should be."""
        try:
            born = (self._root / ".dvc" / "tmp" / "btime").stat().st_mtime
            release = int(version("dvc").partition(".")[0])
            place = (str(self._root), None, born, getpass.getuser(), release, 0)
        except (OSError, KeyError, PackageNotFoundError, ValueError):
            return None
        token = md5_text(str(place))
        path = (
            state_folder(self._root, self._environ)
            / "repo"
            / token
            / "hashes"
            / "local"
            / "cache.db"
        )
        return path if path.is_file() else None


def state_folder(root: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where DVC keeps its state."""
    named = environ.get("DVC_SITE_CACHE_DIR")
    if named:
        return Path(named)
    return site_folder(root) or Path(SHARED)
