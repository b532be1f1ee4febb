"""Files that responses of services are, such as images: beside the journal, each by its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.store import atomic

FOLDER: Final = "images"
"""Beside the journal."""
SPREAD: Final = 2
"""Digits of a digest that name the folder of its file, so that no folder grows without end."""


class Shelf:
    """Keeps files by the digests of their bytes.

    Args of the constructor:
        folder: gives the folder; it is not called before a file is kept or looked for.
        elsewhere: where else the file of a digest may lie, such as in results that were pulled.
    """

    def __init__(
        self,
        folder: Callable[[], Path],
        elsewhere: Callable[[str], Iterable[Path]] = lambda _digest: (),
    ) -> None:
        self._folder, self._elsewhere = folder, elsewhere

    def keep(self, content: bytes) -> str:
        """Writes a file, unless it is there; returns its digest. Then it is on the disk.

        Raises:
            OSError: it cannot be written.
        """
        digest = bytes_digest(content)
        path = self._path(digest)
        if not _holds(path, digest):
            atomic.write_bytes(path, content)
        return digest

    def find(self, digest: str) -> Path | None:
        """The file with the bytes of a digest; None if it is nowhere, or holds others by now."""
        for path in (self._path(digest), *self._elsewhere(digest)):
            if _holds(path, digest):
                return path
        return None

    def _path(self, digest: str) -> Path:
        return self._folder() / digest[:SPREAD] / digest


def _holds(path: Path, digest: str) -> bool:
    with suppress(OSError):
        return bytes_digest(path.read_bytes()) == digest
    return False
