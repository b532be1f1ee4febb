"""Table files of several formats as rows: JSON lines, a JSON array, CSV and Parquet, gzip or not.

The content says which format a file has, never its name: a path stands for no content. What rows
mean is in `layouts` and `rows`.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Final, Literal

from dataenvgym_spec.records.files import Row
from dataenvgym_spec.records.tables import (
    UTF8_MARK,
    RowFault,
    decoded,
    decoder,
    lines_of,
    opened,
    rows_of,
)

Format = Literal["jsonl", "json", "csv", "parquet"]
Rows = Iterator[tuple[int, Row]]
Bad = list[RowFault] | None
"""Collects what is wrong with single rows, which are left out then; None where that is an error."""

PARQUET: Final = b"PAR1"
"""What a Parquet file begins with."""
LOOKED_AT: Final = 4096
"""Bytes by which a format is told."""
DELIMITERS: Final = ",\t;"
"""What may part the cells of a row; the one that the header has most often does."""


def rows_in(path: Path, bad: Bad = None) -> Rows:
    """The rows of a table file, each with its line from 1, or its number where it has no lines.

    Args:
        path: the file.
        bad: see `Bad`.

    Raises:
        RowFault: the file, or a row that nobody collects, cannot be read.
        OSError: the file cannot be read.
    """
    match format_of(path):
        case "jsonl":
            yield from rows_of(path, bad)
        case "csv":
            yield from _csv(path, bad)
        case "json":
            yield from _array(path, bad)
        case "parquet":
            yield from _parquet(path)


def format_of(path: Path) -> Format:
    """The format of a file, by how its content begins.

    Raises:
        RowFault: it is no text, or damaged.
        OSError: it cannot be read.
    """
    try:
        with opened(path) as file:
            start = file.read(LOOKED_AT)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(error) from None
    if start.startswith(PARQUET):
        return "parquet"
    match start.removeprefix(UTF8_MARK).lstrip()[:1]:
        case b"{" | b"":
            return "jsonl"
        case b"[":
            return "json"
        case _:
            return "csv"


def _damaged(error: Exception) -> RowFault:
    reason = f"cannot be read: the gzip data is damaged ({error})"
    return RowFault(line=0, reason=reason, help="fetch the file again")


# --- CSV --------------------------------------------------------------------------------------


def _csv(path: Path, bad: Bad) -> Rows:
    """The rows below a header; each cell is the text that it is.

    A row that has nothing but empty cells is a blank line, as spreadsheets leave it.
    """
    header: list[str] | None = None
    for line, cells in _cells(path):
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = _header(line, cells)
        elif len(cells) == len(header):
            row = dict(zip(header, cells, strict=True))
            row.pop("", None)  # an index without a name, as some libraries write it
            yield line, row
        else:
            reason = f"has {len(cells)} cells, and the header {len(header)}"
            help = "quote the cells that hold a delimiter, or correct the row"
            fault = RowFault(line=line, reason=reason, help=help)
            if bad is None:
                raise fault
            bad.append(fault)


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, each with the line on which it begins."""
    # The limit is one of the process. No cell is too large: files are not read from strangers.
    csv.field_size_limit(sys.maxsize)
    delimiter = _delimiter(path)
    reader = csv.reader(_texts(path), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        help = "close the quote that begins there, or write a quote inside of a cell twice"
        raise RowFault(line=line, reason=f"is no CSV: {error}", help=help) from None


def _texts(path: Path) -> Iterator[str]:
    """The lines as texts that end as Python's do, also inside of a quoted cell."""
    for number, line in lines_of(path):
        content = line.removeprefix(UTF8_MARK) if number == 1 else line
        yield decoded(number, content).replace("\r\n", "\n")


def _delimiter(path: Path) -> str:
    for text in _texts(path):
        if text.strip():
            plain = re.sub(r'"[^"]*"', "", text)
            return max(DELIMITERS, key=plain.count)
    return DELIMITERS[0]


def _header(line: int, cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        reason = f"has the column '{twice[0]}' twice"
        raise RowFault(line=line, reason=reason, help="keep one of the two, or name it otherwise")
    return names


# --- JSON -------------------------------------------------------------------------------------


def _array(path: Path, bad: Bad) -> Rows:
    """The objects of one JSON array."""
    content = b"".join(line for _, line in lines_of(path))
    try:
        text = decoded(0, content.removeprefix(UTF8_MARK)).strip()
        values = decoder.decode(text)
    except json.JSONDecodeError as error:
        reason = f"is no JSON: {error.msg.lower()} at column {error.colno}"
        help = "write one JSON array of objects, or one object a line"
        raise RowFault(line=error.lineno, reason=reason, help=help) from None
    except (ValueError, RecursionError) as error:
        reason = f"the file is no JSON: {error}"
        raise RowFault(line=0, reason=reason, help="write one object a line") from None
    for number, value in enumerate(values, 1):
        if isinstance(value, dict):
            yield number, value
            continue
        reason, help = "is no JSON object", "correct the row or leave it out"
        fault = RowFault(line=number, reason=reason, help=help, unit="row")
        if bad is None:
            raise fault
        bad.append(fault)


# --- Parquet ----------------------------------------------------------------------------------


def _parquet(path: Path) -> Rows:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        help = "install it: pip install 'dataenvgym-spec[train]'   (or save the file as CSV)"
        reason = "the file is Parquet, which needs the package 'pyarrow'"
        raise RowFault(line=0, reason=reason, help=help) from None
    try:
        with opened(path) as file:
            # Parquet is read from its end, which gzip has to unpack first.
            whole = BytesIO(file.read()) if isinstance(file, gzip.GzipFile) else file
            batches = ParquetFile(whole).iter_batches()
            rows = chain.from_iterable(batch.to_pylist() for batch in batches)
            yield from enumerate(rows, 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(error) from None
    except ArrowException as error:
        reason = f"the file is damaged Parquet ({str(error).splitlines()[0]})"
        raise RowFault(line=0, reason=reason, help="fetch the file again") from None


def has_row_lines(path: Path) -> bool:
    """Whether every line of a file that is not blank is a row."""
    return format_of(path) == "jsonl"


def unit_of(path: Path) -> str:
    """What is numbered in a file: lines, or rows."""
    return "line" if format_of(path) in ("jsonl", "csv") else "row"
