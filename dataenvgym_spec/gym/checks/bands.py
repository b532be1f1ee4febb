"""An index of MinHash digests by their bands, in which a million of them take half a gigabyte.

The one of rensa holds every digest and, for each of its bands, an entry with a list: four kilobytes
of each question. Here a band is eight bytes of a table, and the digests lie on disk.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
_Found = tuple[list[int], list[int]]
"""Of each band its mark, and a place."""

FIRST: Final = 1 << 10
"""Places of a table in the beginning, and digests that there is room for."""
FULLEST: Final = 0.65
"""The share of places that are taken when a table is made larger."""
LARGER: Final = 1.5
"""How much larger."""
SPARE: Final = 1 << 12
"""Places behind the last one that a hash can have: who finds no room goes on to the next."""
MARK: Final = (1 << 32) - 1


class Bands:
    """Digests, found by those that share a band with them.

    Of each band there is a table with open addressing: at the place of a hash stands the latest
    digest that has it, and from there a chain leads to the earlier ones. A table knows 32 bits of a
    hash. Two bands that agree in them share a chain, and digests are compared in the end.

    Examples:
        >>> index = Bands(hashes=4, bands=2)
        >>> index.add([1, 2, 3, 4])
        0
        >>> [part.tolist() for part in index.near([1, 2, 5, 6])]
        [[0], [0.5]]
    """

    def __init__(self, *, hashes: int, bands: int) -> None:
        """Args: how long a digest is, and into how many bands of equal length it is cut."""
        self.hashes, self.bands = hashes, bands
        self._tables = [_Table() for _ in range(bands)]
        self._earlier = array("I")
        self._count = 0
        self._latest: tuple[bytes, _Found] = b"", ([], [])
        # Open as long as the index is. Digests are written to it, and read where it is mapped.
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._make_room(FIRST)

    def __len__(self) -> int:
        return self._count

    def add(self, digest: Iterable[int]) -> int:
        """Adds a digest, whose numbers have 32 bits; returns its number."""
        content = array("I", digest).tobytes()
        number = self._count
        if number == len(self._digests):
            self._make_room(int(LARGER * number))
        os.pwrite(self._file.fileno(), content, number * len(content))
        self._count += 1
        marks, places = self._found(content)
        for table, mark, place in zip(self._tables, marks, places, strict=True):
            self._earlier.append(table.put(place, mark, self._count))
        self._latest = b"", ([], [])  # places are other ones now
        return number

    def near(self, digest: Iterable[int]) -> tuple[Numbers, NDArray[np.float64]]:
        """Those that share a band with a digest, in order, and how much of it each one shares."""
        content = array("I", digest).tobytes()
        found = set[int]()
        _, places = self._found(content)
        for band, (table, place) in enumerate(zip(self._tables, places, strict=True)):
            holder = table.holders[place]
            while holder:
                found.add(holder - 1)
                holder = self._earlier[(holder - 1) * self.bands + band]
        numbers = np.array(sorted(found), np.int64)
        if not found:  # as it mostly is
            return numbers, np.empty(0)
        equal = self._digests[numbers] == np.frombuffer(content, np.uint32)
        parts = equal.reshape(len(numbers), self.bands, self.hashes // self.bands)
        really = parts.all(axis=2).any(axis=1)
        return numbers[really], equal[really].sum(axis=1) / self.hashes

    def _found(self, content: bytes) -> _Found:
        """What tables know of the bands of a digest, never 0, and where they have it or could."""
        looked_for, found = self._latest
        if looked_for == content:  # what is added was looked for just before
            return found
        width = len(content) // self.bands
        # Python's hash differs from process to process, which only changes who meets at a place.
        parts = (content[start : start + width] for start in range(0, len(content), width))
        marks = [hash(part) & MARK or 1 for part in parts]
        places = [table.place(mark) for table, mark in zip(self._tables, marks, strict=True)]
        self._latest = content, (marks, places)
        return marks, places

    def _make_room(self, count: int) -> None:
        """Makes room for so many digests."""
        os.ftruncate(self._file.fileno(), count * self.hashes * 4)
        self._digests = np.memmap(self._file, dtype=np.uint32, mode="r", shape=(count, self.hashes))


class _Table:
    """From marks to digests, counted from 1; 0 stands for none."""

    def __init__(self) -> None:
        self._size, self._taken = FIRST, 0
        self._marks = array("I", bytes(4 * (FIRST + SPARE)))
        self.holders = array("I", bytes(4 * (FIRST + SPARE)))

    def place(self, mark: int) -> int:
        """Where a mark stands, or could be put."""
        marks, place = self._marks, (mark * self._size) >> 32
        while marks[place] != mark and marks[place]:
            place += 1
        return place

    def put(self, place: int, mark: int, holder: int) -> int:
        """Says who has a mark now; returns who had it before."""
        before, self.holders[place] = self.holders[place], holder
        if not before:
            self._marks[place] = mark
            self._taken += 1
            # The last place is always free: who looks for a mark ends there.
            if self._taken > FULLEST * self._size or place >= len(self._marks) - 2:
                self._grow()
        return before

    def _grow(self) -> None:
        """Makes it larger. Marks stand in the order of their numbers, as their places do."""
        marks, holders = (np.frombuffer(part, np.uint32) for part in (self._marks, self.holders))
        there = marks > 0
        marks, holders = marks[there], holders[there]
        order = np.argsort(marks)
        marks, holders = marks[order], holders[order]
        self._size = int(LARGER * self._size)
        places = (marks.astype(np.uint64) * np.uint64(self._size)) >> np.uint64(32)
        steps = np.arange(len(places))
        # Each stands at its place, or right behind the one before it.
        places = np.maximum.accumulate(places.astype(np.int64) - steps) + steps
        self._marks, self.holders = (
            _laid_out(part, places, self._size + SPARE) for part in (marks, holders)
        )


def _laid_out(values: NDArray[np.uint32], places: Numbers, size: int) -> array[int]:
    laid = np.zeros(size, np.uint32)
    laid[places] = values
    return array("I", laid.tobytes())
