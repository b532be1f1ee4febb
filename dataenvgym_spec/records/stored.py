"""Records of a file by their numbers, each read when it is asked for."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from dataenvgym_spec.core.numbered import Numbered
from dataenvgym_spec.records.files import damaged, each, parse_json
from dataenvgym_spec.records.record import Record

R = TypeVar("R", bound=Record)


class Stored(Numbered[R], Generic[R]):
    """The records of a JSON-lines file, of which none is held: in memory are eight bytes for each.

    Args of the constructor:
        path: the file. Nobody may change it meanwhile.
        record: its rows.

    Raises:
        StageError: it is missing; or, of a record when it is read, damaged or of another shape.
    """

    def __init__(self, path: Path, record: type[R]) -> None:
        self.path, self.record = path, record
        self._places = array("Q")
        place = 0
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise damaged(path) from error
        for line in self._file:
            if line != b"\n":
                self._places.append(place)
            place += len(line)
        self._end = place

    def __len__(self) -> int:
        return len(self._places)

    def element(self, number: int) -> R:
        """The record of a number."""
        start = self._places[number]
        last = number + 1 == len(self)
        end = self._end if last else self._places[number + 1]
        try:
            content = os.pread(self._file.fileno(), end - start, start)
            return self.record.parse(parse_json(content.decode("utf-8")))
        except (OSError, ValueError, msgspec.ValidationError) as error:
            raise damaged(self.path) from error

    def __iter__(self) -> Iterator[R]:
        return each(self.path, self.record)
