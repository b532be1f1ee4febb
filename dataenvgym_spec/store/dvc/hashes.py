"""The hashes that DVC gives what lies in a repository; what it has hashed is not read again."""

from __future__ import annotations

from pathlib import Path

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.hashing import md5_file
from dataenvgym_spec.store.dvc.known import LARGE, Known
from dataenvgym_spec.store.dvc.state import hash_of


class Hashes:
    """The hashes of one repository's files and folders."""

    def __init__(self, root: Path) -> None:
        self.contents = Contents(root)
        self._known = Known(root)

    def md5(self, path: Path) -> str:
        """The hash of a file.

        Raises:
            OSError: it cannot be read.
        """
        # Most results are small; only of large files anything is remembered.
        if path.stat().st_size < LARGE:
            return md5_file(path)
        return self._known.md5(path) or self.contents.md5(path)

    def of(self, name: str) -> str | None:
        """The hash of the file or folder at a path of the repository; None if there is none."""
        return hash_of(self.contents.root / name, self.md5, self.contents.ignored, name)
