"""The one reader and writer of the JSON files that stages leave and read.

DVC's own files are read in `store.dvc`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.record import Record

R = TypeVar("R", bound=Record)
Row = dict[str, Any]


def read_json(path: Path) -> Any:
    """Reads a JSON file.

    Raises:
        StageError: it is missing or damaged.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path) from error


def read_rows(path: Path) -> list[Row]:
    """Reads a JSON-lines file.

    Raises:
        StageError: it is missing or damaged.
    """
    try:
        return parse_rows(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged(path) from error


def read(path: Path, record: type[R]) -> R:
    """Reads a file that holds one record.

    Raises:
        StageError: it is missing, damaged, or of another shape.
    """
    try:
        return record.parse(read_json(path))
    except msgspec.ValidationError as error:
        raise damaged(path) from error


def read_all(path: Path, record: type[R]) -> list[R]:
    """Reads a file that holds one record a line.

    Raises:
        StageError: it is missing, damaged, or of another shape.
    """
    return list(each(path, record))


def each(path: Path, record: type[R]) -> Iterator[R]:
    """Reads a file that holds one record a line, one after the other: there may be a million.

    Raises:
        StageError: it is missing, or a line is damaged or of another shape.
    """
    return read_some(path, record, whole)


def whole(line: str) -> bool:
    """Whether a line holds a record at all."""
    return line != "\n"


def count_of(path: Path) -> int:
    """How many records a file holds that has one a line; none of them is parsed.

    Raises:
        StageError: it is missing.
    """
    try:
        with path.open("rb") as lines:
            return sum(line != b"\n" for line in lines)
    except OSError as error:
        raise damaged(path) from error


def read_some(path: Path, record: type[R], wanted: Callable[[str], bool]) -> Iterator[R]:
    """Reads some lines of a file that holds one record a line; the others are not parsed.

    Args:
        path: the file.
        record: theirs.
        wanted: whether a line is read, by its text.

    Raises:
        StageError: it is missing, or a line that is read is damaged or of another shape.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            for line in filter(wanted, lines):
                yield _parsed(line, record)
    except (OSError, ValueError, msgspec.ValidationError) as error:
        raise damaged(path) from error


def _parsed(line: str, record: type[R]) -> R:
    """The record of one line."""
    try:
        parsed: R = _decoder(record).decode(line)
    except (ValueError, RecursionError):
        # It is four times as fast and reads the same, but refuses some of what Python writes, such
        # as half of a surrogate pair.
        return record.parse(parse_json(line))
    return parsed


@cache
def _decoder(record: type[R]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(record)


def read_table(path: Path, record: type[R]) -> dict[str, R]:
    """Reads a file that holds records by name.

    Raises:
        StageError: it is missing, damaged, or of another shape.
    """
    content = read_json(path)
    try:
        return {name: record.parse(row) for name, row in content.items()}
    except (AttributeError, msgspec.ValidationError) as error:
        raise damaged(path) from error


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: it is not JSON, or nested deeper than anything that is written here.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def parse_rows(text: str) -> list[Row]:
    """The values of a JSON-lines text.

    Raises:
        ValueError: a line is not JSON.
    """
    # Not `splitlines`: a student's answer may hold U+2028, which JSON leaves as it is.
    return [parse_json(line) for line in text.split("\n") if line]


def damaged(path: Path) -> StageError:
    """The error for an input that cannot be read."""
    what = "is damaged or half-written" if path.exists() else "is missing"
    remedy = (
        f"remove '{path.parent}' and run again: DVC restores it from its cache, or makes it anew"
    )
    return StageError(f"'{path}' {what}", help=remedy)


def write_table(path: Path, table: Mapping[str, Record]) -> None:
    """Writes records by name, in the form of `write_json`."""
    write_json(path, {name: record.plain() for name, record in table.items()})


def write_json(path: Path, content: Record | Mapping[str, Any]) -> None:
    """Writes JSON in one form: sorted keys, two spaces, final newline."""
    path.write_text(json_text(content), encoding="utf-8")


def write_rows(path: Path, rows: Iterable[Record | Mapping[str, Any]]) -> None:
    """Writes JSON lines in one form: sorted keys."""
    with writing_rows(path) as write:
        for row in rows:
            write(row)


@contextmanager
def writing_rows(path: Path) -> Iterator[Callable[[Record | Mapping[str, Any]], None]]:
    """Gives what writes a row of JSON lines, in the form of `write_rows`."""
    with path.open("w", encoding="utf-8", newline="\n") as handle:

        def write(row: Record | Mapping[str, Any]) -> None:
            handle.write(json_line(row) + "\n")

        yield write


def json_line(row: Record | Mapping[str, Any]) -> str:
    """The line that `write_rows` writes, without its end."""
    return json.dumps(_values(row), sort_keys=True, ensure_ascii=False)


def json_text(content: Record | Mapping[str, Any]) -> str:
    """The text that `write_json` writes."""
    values = _values(content)
    try:
        # `json` itself indents in Python, which takes several times as long; the text is the same.
        text = json.dumps(values, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        return msgspec.json.format(text, indent=2) + "\n"
    except msgspec.DecodeError:  # a number that is none
        return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _values(content: Record | Mapping[str, Any]) -> Mapping[str, Any]:
    return content.plain() if isinstance(content, Record) else content
