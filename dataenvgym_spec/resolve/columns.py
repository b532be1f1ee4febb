"""The rows of a data file, as far as a spec can be wrong about them.

Those are its columns, what they hold and, of a column with few values, how often each occurs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.remembered import Remembered
from dataenvgym_spec.records.tables import rows_of, text_of, texts_of

LARGEST: Final = 100_000_000
"""Bytes of a file that is looked into: this much takes up to a minute and a gigabyte, once."""
FORM: Final = 2
"""Raised when what is remembered of a file would be told in another way."""
MANY: Final = 200
"""Values of a column beyond which they are no groups."""
DEEPEST: Final = 4
"""How deep nested columns are looked into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddValue:
    """The first value of a column that is neither text nor number.

    Attributes:
        line: of the file.
        what: what it is, in words.
        answers: whether it is a list of texts, as a column of answers may hold.
    """

    line: int
    what: str
    answers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTable:
    """A file's rows.

    Attributes:
        columns: the columns that every row has, nested ones as `a.b`: how often each value occurs,
            None if there are too many.
        rows: how many there are.
        others: columns that only some rows have.
        odd: what a column holds besides texts and numbers, by column.
        flat: the first line in which a column holds no object, by column; none where all are.
    """

    columns: dict[str, dict[str, int] | None]
    rows: int = 0
    others: tuple[str, ...] = ()
    odd: dict[str, OddValue] = field(default_factory=dict)
    flat: dict[str, int] = field(default_factory=dict)


class _Counts:
    """What was counted of the rows so far."""

    def __init__(self) -> None:
        self.rows = 0
        self.present: Counter[str] = Counter()
        self.values: dict[str, Counter[str] | None] = {}
        self.odd: dict[str, OddValue] = {}
        self.flat: dict[str, int] = {}

    def add(self, line: int, row: Mapping[str, Any]) -> None:
        self.rows += 1
        for name, value in _flat(row):
            self.present[name] += 1
            if not isinstance(value, Mapping):
                self.flat.setdefault(name, line)
            counts = self.values.setdefault(name, Counter())
            if counts is None and name in self.odd:
                continue
            self._count(name, value, line)

    def _count(self, name: str, value: Any, line: int) -> None:
        try:
            text = text_of(value)
        except ValueError as error:
            self.odd.setdefault(name, _odd(line, str(error), value))
            return
        counts = self.values[name]
        if counts is not None:
            counts[text] += 1
            if len(counts) > MANY:
                self.values[name] = None

    def table(self) -> ColumnTable:
        columns: dict[str, dict[str, int] | None] = {}
        for name, counts in self.values.items():
            if self.present[name] == self.rows:
                columns[name] = None if counts is None else dict(counts)
        others = tuple(sorted(set(self.values) - set(columns)))
        return ColumnTable(
            columns=columns, rows=self.rows, others=others, odd=self.odd, flat=self.flat
        )


def look(path: Path, remembered: Remembered) -> ColumnTable | None:
    """What a file holds; None if it is too large to be looked into.

    Raises:
        RowFault: a row cannot be read.
    """
    if path.stat().st_size > LARGEST:
        return None
    text = remembered.of(path, f"columns {FORM}", _counted)
    return msgspec.json.decode(text, type=ColumnTable)


def _counted(path: Path) -> str:
    counts = _Counts()
    for line, row in rows_of(path):
        counts.add(line, row)
    return msgspec.json.encode(counts.table()).decode()


def _flat(row: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, Any]]:
    """The columns of a row with their values, those of nested ones as `a.b` behind them."""
    for name, value in row.items():
        yield f"{prefix}{name}", value
        if isinstance(value, Mapping) and depth < DEEPEST:
            yield from _flat(value, f"{prefix}{name}.", depth + 1)


def _odd(line: int, what: str, value: Any) -> OddValue:
    try:
        texts_of(value)
    except ValueError as error:
        # Of a list the element that is wrong says more.
        return OddValue(line=line, what=str(error), answers=False)
    return OddValue(line=line, what=what, answers=True)
