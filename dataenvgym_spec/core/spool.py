"""Texts and numbers that are too many to be held in memory, in a file of the process's own."""

from __future__ import annotations

import os
import tempfile
from array import array
from typing import Final

from dataenvgym_spec.core.numbered import Numbered

GATHERED: Final = 1 << 16
"""Bytes that are gathered before they are written."""


class Spool(Numbered[bytes]):
    """Strings of bytes in the order in which they were appended, on disk.

    In memory there are eight bytes for each. The file has no name and is gone with the process; it
    lies where temporary files do, which the variable `TMPDIR` says.

    Examples:
        >>> spool = Spool()
        >>> spool.append(b"one"), spool.append(b"two")
        (0, 1)
        >>> spool[1], len(spool), list(spool)
        (b'two', 2, [b'one', b'two'])
    """

    def __init__(self) -> None:
        # Open as long as the spool is.
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._ends = array("Q", [0])
        self._gathered = bytearray()
        self._written = 0

    def append(self, content: bytes) -> int:
        """Adds a string of bytes; returns its number."""
        self._gathered += content
        self._ends.append(self._ends[-1] + len(content))
        if len(self._gathered) >= GATHERED:
            self._flush()
        return len(self._ends) - 2

    def __len__(self) -> int:
        return len(self._ends) - 1

    def element(self, number: int) -> bytes:
        """The string of a number."""
        start, end = self._ends[number], self._ends[number + 1]
        if end > self._written:
            self._flush()
        # Its own place in the file: processes that were forked share that of the file.
        return os.pread(self._file.fileno(), end - start, start)

    def _flush(self) -> None:
        view = memoryview(self._gathered)
        while view:
            count = os.pwrite(self._file.fileno(), view, self._written)
            self._written += count
            view = view[count:]
        self._gathered = bytearray()
