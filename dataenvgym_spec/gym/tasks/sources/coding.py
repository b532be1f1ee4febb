"""What sources of programming problems have in common: identity, and rows of their files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.items import TEXT, Item, item_id, joined, told_apart
from dataenvgym_spec.records.rows import REPEATED
from dataenvgym_spec.records.tables import RowFault, rows_of

Row = dict[str, Any]


def identity(question: str) -> str:
    """The identity of a problem: its layout and letter case count, since it may show a program."""
    return item_id(question, form=TEXT)


def problems(path: Path, read: Callable[[Row], Item | None]) -> tuple[list[Item], dict[str, int]]:
    """The problems of a file: JSON lines, or one JSON array, gzip or not.

    Args:
        path: the file.
        read: makes an item of a row; None where the row is not wanted. It raises ValueError with
            what is wrong, or KeyError with the column that is missing.

    Returns:
        The items, and how many rows were skipped, by reason.

    Raises:
        StageError: the file cannot be read, or a row is not as the format has it.
    """
    items = []
    try:
        for number, row in _rows(path):
            item = _read(read, number, row)
            if item is not None:
                items.append(item)
    except RowFault as fault:
        raise StageError(fault.text(str(path)), help=fault.help) from fault
    except (OSError, EOFError) as error:
        raise StageError(f"'{path}' cannot be read: {error}", help="check the file") from error
    kept = told_apart(joined(items))
    repeated = len(items) - len(kept)
    return kept, {REPEATED: repeated} if repeated else {}


def _read(read: Callable[[Row], Item | None], number: int, row: Row) -> Item | None:
    help = "is it a file of this format, and whole?"
    try:
        return read(row)
    except KeyError as error:
        raise RowFault(line=number, reason=f"has no column {error}", help=help) from None
    except ValueError as error:
        raise RowFault(line=number, reason=f"has {error}", help=help) from None


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \r\n\t")
    if not start.startswith(b"["):
        yield from rows_of(path)
        return
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise RowFault(line=0, reason=f"is no JSON: {error}", help="fetch it again") from None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise RowFault(line=number, reason="is no JSON object", help="fetch it again")
        yield number, row


def text(row: Row, column: str, *, empty: bool = False) -> str:
    """A text of a row, with line ends as Python has them.

    Raises:
        KeyError: it has no such column.
        ValueError: that holds no text, or an empty one.
    """
    value = row[column]
    if not isinstance(value, str) or not (value.strip() or empty):
        raise ValueError(f"no text in column '{column}'")
    return value.replace("\r\n", "\n")


def texts(row: Row, column: str) -> list[str]:
    """A list of texts of a row; errors as of `text`."""
    value = row[column]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"no list of texts in column '{column}'")
    return [one.replace("\r\n", "\n") for one in value]
