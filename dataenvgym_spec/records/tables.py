"""Data files as people have them: rows of a file, and the texts that their columns hold.

One reader serves validation and the stages that run. What it cannot read exactly is an error with
its row, never another value.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, cast

GZIP: Final = b"\x1f\x8b"
ENCODINGS: Final = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK": "a zip archive"}
"""What the first bytes of a file that is not UTF-8 say it is."""
UTF8_MARK: Final = b"\xef\xbb\xbf"
REMEDY: Final = (
    "each row needs a text or a number there (of answers, a list of several): correct the row or "
    "leave it out"
)
LONGEST_NUMBER: Final = 20
"""Digits before or after the point beyond which a number is written with an exponent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault(Exception):
    """A row that cannot be used.

    Attributes:
        line: of the file, from 1; 0 where the file as a whole is meant.
        reason: what is wrong, to be put behind "line N".
        help: what to do about it.
        unit: what is numbered: a line, or a row of a file that has no lines.
    """

    line: int
    reason: str
    help: str
    unit: str = "line"

    def text(self, place: str, *, row: str = "") -> str:
        """What is wrong, with the file or data set where it is."""
        where = f"{row or self.unit} {self.line} " if self.line else ""
        return f"{place}: {where}{self.reason}"


def rows_of(path: Path, bad: list[RowFault] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a JSON-lines file, each with its line from 1; blank lines are skipped.

    A byte-order mark, CRLF line ends and gzip are read. Numbers with a point are `Decimal`, so that
    no digit is lost.

    Args:
        path: the file.
        bad: collects what is wrong with lines, which are left out then.

    Raises:
        RowFault: a line cannot be read, and nobody collects that.
        OSError: the file cannot be read.
    """
    for number, line in lines_of(path):
        content = line.removeprefix(UTF8_MARK) if number == 1 else line
        if not content.strip():
            continue
        try:
            row = _row(number, content)
        except RowFault as fault:
            if bad is None:
                raise
            bad.append(fault)
        else:
            yield number, row


def count_rows(path: Path) -> int:
    """How many lines of a file are not blank.

    Raises:
        RowFault: it is no text.
        OSError: the file cannot be read.
    """
    return sum(1 for _, line in lines_of(path) if line.strip())


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, gzip or not, each with its number from 1.

    Raises:
        RowFault: it is no text, or damaged.
        OSError: it cannot be read.
    """
    number = 0
    with opened(path) as file:
        try:
            for number, line in enumerate(file, 1):
                yield number, line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            reason = f"cannot be read: the gzip data is damaged ({error})"
            raise RowFault(line=number + 1, reason=reason, help="fetch the file again") from None


def opened(path: Path) -> IO[bytes]:
    """A file to be read, unpacked if it is gzip.

    Raises:
        RowFault: it is in an encoding or an archive that is not read.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(2)
    if start in ENCODINGS:
        reason = f"the file is {ENCODINGS[start]}"
        raise RowFault(line=0, reason=reason, help="save it as UTF-8 text, one JSON object a line")
    if start == GZIP:
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _row(number: int, line: bytes) -> dict[str, Any]:
    try:
        value = decoder.decode(decoded(number, line).rstrip())
    except json.JSONDecodeError as error:
        reason = f"is no JSON: {error.msg.lower()} at column {error.pos + 1}"
        raise RowFault(line=number, reason=reason, help=_remedy(line)) from None
    except TwiceError as error:
        reason = f"has the key '{error}' twice"
        raise RowFault(line=number, reason=reason, help="keep one of the two") from None
    except (ValueError, RecursionError) as error:
        raise RowFault(line=number, reason=f"is no JSON: {error}", help=_remedy(line)) from None
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        reason, help = "is a JSON array", "write one object a line: jq -c '.[]' FILE"
    else:
        reason, help = f"is {_kind(value)}, not a JSON object", "write one JSON object a line"
    raise RowFault(line=number, reason=reason, help=help)


def decoded(number: int, line: bytes) -> str:
    """A line as text.

    Raises:
        RowFault: it is not UTF-8.
    """
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise RowFault(
            line=number,
            reason="holds bytes that are not UTF-8",
            help="convert the file, which is perhaps Latin-1: iconv -f latin1 -t utf-8",
        ) from None


class TwiceError(ValueError):
    """A key that an object has twice, of which a parser would keep the last."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        raise TwiceError(next(key for key in keys if keys.count(key) > 1))
    return value


# It reads NaN and halves of surrogates, so that the message about them can name the column.
decoder: Final = json.JSONDecoder(parse_float=Decimal, object_pairs_hook=_object)


def _remedy(line: bytes) -> str:
    text = line.strip()
    if text.startswith(b"["):
        return "write one object a line instead of an array: jq -c '.[]' FILE"
    if text.startswith(b"{") and not text.endswith(b"}"):
        return "the line is cut off, or its object goes on in the next: write one object a line"
    return "write one JSON object a line"


EACH: Final = "*"
"""In the name of a column: every element of a list."""


def at(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column; `a.b` is the key `a.b`, or else `b` inside of `a`.

    In a list a number is an element, from 0 or from the end, and `*` is every element.

    Examples:
        >>> at({"answers": [{"text": "a"}, {"text": "b"}]}, "answers.-1.text")
        'b'
        >>> at({"answers": [{"text": "a"}, {"text": "b"}]}, "answers.*.text")
        ['a', 'b']

    Raises:
        KeyError: there is none.
    """
    if column in row:
        return row[column]
    keys = column.split(".")
    for length in range(1, len(keys)):
        outer, inner = row.get(".".join(keys[:length])), keys[length:]
        try:
            if isinstance(outer, Mapping):
                return at(outer, ".".join(inner))
            if isinstance(outer, list):
                return _in_list(outer, inner)
        except KeyError:
            continue
    raise KeyError(column)


def in_lists(column: str) -> bool:
    """Whether the name of a column may lead into a list."""
    return any(key == EACH or _is_index(key) for key in column.split(".")[1:])


def _is_index(key: str) -> bool:
    return key.removeprefix("-").isdecimal()


def _in_list(values: list[Any], keys: list[str]) -> Any:
    first, *rest = keys
    if first == EACH:
        return [_below(value, rest) for value in values]
    if not _is_index(first) or not -len(values) <= int(first) < len(values):
        raise KeyError(first)
    return _below(values[int(first)], rest)


def _below(value: Any, keys: list[str]) -> Any:
    if not keys:
        return value
    if isinstance(value, list):
        return _in_list(value, keys)
    if not isinstance(value, Mapping):
        raise KeyError(keys[0])
    return at(value, ".".join(keys))


def text_of(value: Any) -> str:
    """The text that a value stands for: itself, or a number in its shortest exact form.

    A text of nothing but white space is none.

    Examples:
        >>> text_of("a"), text_of(3), text_of(Decimal("0.10")), text_of(2.0)
        ('a', '3', '0.1', '2')

    Raises:
        ValueError: it stands for none; the message says what it is.
    """
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("an empty text")
        return _whole(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return _decimal(Decimal(repr(value)))
    if isinstance(value, Decimal):
        return _decimal(value)
    raise ValueError(_kind(value))


def _decimal(value: Decimal) -> str:
    exponent = cast("int", value.as_tuple().exponent)
    if max(value.adjusted(), -exponent) > LONGEST_NUMBER:
        return str(value).lower()
    # Not `normalize`, which rounds to 28 digits.
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def texts_of(value: Any) -> tuple[str, ...]:
    """The accepted answers that a value holds: one text, or several in a list.

    Raises:
        ValueError: it holds something else; the message says what.
    """
    if not isinstance(value, list):
        return (text_of(value),)
    if not value:
        raise ValueError("an empty list")
    return tuple(text_of(one) for one in value)


def object_of(value: Any) -> dict[str, Any]:
    """The object that a value is; numbers in it are those of Python.

    Examples:
        >>> object_of({"word": "abc", "matrix": [[1, Decimal("2.5")]]})
        {'word': 'abc', 'matrix': [[1, 2.5]]}

    Raises:
        ValueError: it is none, or holds what no JSON can; the message says what.
    """
    if not isinstance(value, Mapping):
        raise ValueError(_kind(value))
    return {_whole(name): _value_of(inner) for name, inner in value.items()}


def _value_of(value: Any) -> Any:
    if isinstance(value, Mapping):
        return object_of(value)
    if isinstance(value, list):
        return [_value_of(one) for one in value]
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(_kind(value))
    return value


def _whole(text: str) -> str:
    """A text that can be written."""
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("a text with half of a surrogate pair")
    return text


def _kind(value: Any) -> str:
    """What a value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else "infinite"
    if isinstance(value, int | Decimal):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, Mapping):
        return "a mapping"
    return f"a {type(value).__name__}"
