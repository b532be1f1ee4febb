"""The rows of a JSON-lines file, as far as a spec can be wrong about them.

Those are its columns and, of a column with few values, how often each occurs.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

LARGEST: Final = 20_000_000
"""Bytes of a file that is looked into; reading this much takes a quarter of a second."""
MANY: Final = 200
"""Values of a column beyond which they are no groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTable:
    """A file's rows.

    Attributes:
        columns: the columns that every row has: how often each value occurs, None if too many.
        others: columns that only some rows have.
        wrong: the line that is no JSON object, or 0.
    """

    columns: dict[str, dict[str, int] | None]
    others: tuple[str, ...] = ()
    wrong: int = 0


class _Counts:
    """What was counted of the rows so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.present: Counter[str] = Counter()
        self.values: dict[str, Counter[str] | None] = {}

    def add(self, row: dict[str, Any]) -> None:
        self.rows += 1
        self.present.update(row.keys())
        for name, value in row.items():
            counts = self.values.setdefault(name, Counter())
            if counts is None:
                continue
            counts[str(value)] += 1
            if len(counts) > MANY:
                self.values[name] = None

    def table(self) -> ColumnTable:
        columns: dict[str, dict[str, int] | None] = {}
        for name, counts in self.values.items():
            if self.present[name] == self.rows:
                columns[name] = None if counts is None else dict(counts)
        others = tuple(sorted(set(self.values) - set(columns)))
        return ColumnTable(columns=columns, others=others)


def look(path: Path) -> ColumnTable | None:
    """What a file holds; None if it is too large to be looked into."""
    if path.stat().st_size > LARGEST:
        return None
    counts = _Counts()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = _read(line)
            if not isinstance(row, dict):
                return ColumnTable(columns={}, wrong=number)
            counts.add(row)
    return counts.table()


def _read(line: bytes) -> Any:
    """The value of a line, or None; a run reads it by `json`, which also takes NaN."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None
