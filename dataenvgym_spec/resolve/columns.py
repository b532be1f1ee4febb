"""The rows of a data file, as far as a spec can be wrong about them.

Those are its columns, what they hold and, of a column with few values, how often each occurs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.core.remembered import Remembered
from dataenvgym_spec.records.formats import unit_of
from dataenvgym_spec.records.reading import Reading
from dataenvgym_spec.records.tables import at, text_of, texts_of

LARGEST: Final = 100_000_000
"""Bytes of a file that is looked into: this much takes up to a minute and a gigabyte, once."""
FORM: Final = 2
"""Raised when what is remembered of a file would be told in another way."""
MANY: Final = 200
"""Values of a column beyond which they are no groups."""
PLAIN: Final = Reading()
"""How a file of JSON lines is read."""
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
        unit: what is numbered: a line, or a row of a file that has no lines.
    """

    columns: dict[str, dict[str, int] | None]
    rows: int = 0
    others: tuple[str, ...] = ()
    odd: dict[str, OddValue] = field(default_factory=dict)
    flat: dict[str, int] = field(default_factory=dict)
    unit: str = "line"


class _Counts:
    """What was counted of the rows so far.

    Args of the constructor:
        named: columns that lead into lists, of which only those are looked at that somebody names.
    """

    def __init__(self, named: Sequence[str]) -> None:
        self.named = named
        self.rows = 0
        self.present: Counter[str] = Counter()
        self.values: dict[str, Counter[str] | None] = {}
        self.odd: dict[str, OddValue] = {}
        self.flat: dict[str, int] = {}

    def add(self, line: int, row: Mapping[str, Any]) -> None:
        self.rows += 1
        for name, value in chain(_flat(row), self._in_lists(row)):
            self.present[name] += 1
            if not isinstance(value, Mapping):
                self.flat.setdefault(name, line)
            counts = self.values.setdefault(name, Counter())
            if counts is None and name in self.odd:
                continue
            self._count(name, value, line)

    def _in_lists(self, row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name in self.named:
            with suppress(KeyError):
                yield name, at(row, name)

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

    def table(self, unit: str) -> ColumnTable:
        columns: dict[str, dict[str, int] | None] = {}
        for name, counts in self.values.items():
            if self.present[name] == self.rows:
                columns[name] = None if counts is None else dict(counts)
        others = tuple(sorted(set(self.values) - set(columns)))
        return ColumnTable(
            columns=columns, rows=self.rows, others=others, odd=self.odd, flat=self.flat, unit=unit
        )


def look(
    path: Path,
    remembered: Remembered,
    reading: Reading = PLAIN,
    named: Sequence[str] = (),
) -> ColumnTable | None:
    """What a file holds; None if it is too large to be looked into.

    Args:
        path: the file.
        remembered: what is known of large ones.
        reading: how it is read.
        named: columns inside of lists that somebody names.

    Raises:
        RowFault: a row cannot be read.
    """
    if path.stat().st_size > LARGEST:
        return None

    def counted(path: Path) -> str:
        counts = _Counts(named)
        for line, row in reading.rows(path, reading.collector()):
            counts.add(line, row)
        unit = unit_of(path) if reading.tables else "line"
        return msgspec.json.encode(counts.table(unit)).decode()

    asked = f"columns {FORM}"
    if reading != PLAIN or named:
        asked += " " + digest("looked", [asdict(reading), *named])
    return msgspec.json.decode(remembered.of(path, asked, counted), type=ColumnTable)


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
