"""What a JSON-lines file holds, as far as a spec can be wrong about it: its columns and, of those with few values, how often each."""

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
class Table:
    """A file's rows.

    Attributes:
        columns: the columns that every row has; how often each value occurs, or None where there are too many.
        others: columns that only some rows have.
        wrong: the line that is no JSON object, or 0.
    """

    columns: dict[str, dict[str, int] | None]
    others: tuple[str, ...] = ()
    wrong: int = 0


def look(path: Path) -> Table | None:
    """What a file holds; None if it is too large to be looked into."""
    if path.stat().st_size > LARGEST:
        return None
    values: dict[str, Counter[str] | None] = {}
    rows: Counter[str] = Counter()
    count = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = _read(line)
            if not isinstance(row, dict):
                return Table(columns={}, wrong=number)
            count += 1
            rows.update(row.keys())
            _add(values, row)
    columns = {
        name: dict(known) if (known := values[name]) is not None else None
        for name in values
        if rows[name] == count
    }
    return Table(columns=columns, others=tuple(sorted(set(values) - set(columns))))


def _read(line: bytes) -> Any:
    """What a line says, or None; a run reads it by `json`, which also takes NaN."""
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return None


def _add(values: dict[str, Counter[str] | None], row: dict[str, Any]) -> None:
    for name, value in row.items():
        known = values.setdefault(name, Counter())
        if known is not None:
            known[str(value)] += 1
            if len(known) > MANY:
                values[name] = None
