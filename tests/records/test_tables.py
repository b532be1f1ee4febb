"""Data files as people have them are read exactly, or refused with their row and a remedy."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.records.tables import (
    RowFault,
    at,
    count_rows,
    object_of,
    rows_of,
    text_of,
    texts_of,
)

ROWS = b'{"q": "1 + 1", "a": 2}\n{"q": "\xc3\xbc", "a": 0.10}\n'


@pytest.mark.parametrize(
    "content",
    [
        ROWS,
        b"\xef\xbb\xbf" + ROWS,
        ROWS.replace(b"\n", b"\r\n"),
        b"\n" + ROWS + b"\n\n",
        ROWS.rstrip(b"\n"),
        gzip.compress(ROWS),
        gzip.compress(b"\xef\xbb\xbf" + ROWS.replace(b"\n", b"\r\n")),
    ],
    ids=["plain", "byte-order mark", "CRLF", "blank lines", "no last end", "gzip", "all"],
)
def test_what_programs_write_is_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    assert [row for _, row in rows_of(path)] == [
        {"q": "1 + 1", "a": 2},
        {"q": "ü", "a": Decimal("0.10")},
    ]
    assert count_rows(path) == 2


@pytest.mark.parametrize(
    ("content", "line", "reason", "help"),
    [
        (ROWS + b'{"q": "cut of', 3, "is no JSON", "the line is cut off"),
        (b'[{"q": 1}]', 1, "is a JSON array", "jq -c '.[]'"),
        (b'[\n{"q": 1}]', 1, "is no JSON", "jq -c '.[]'"),
        (b'{\n"q": 1}', 1, "is no JSON", "goes on in the next"),
        (ROWS + b"null", 3, "is null, not a JSON object", "one JSON object a line"),
        (b'{"q": "caf\xe9"}', 1, "bytes that are not UTF-8", "iconv -f latin1"),
        (ROWS.decode().encode("utf-16"), 0, "the file is UTF-16", "save it as UTF-8"),
        (b"PK\x03\x04", 0, "the file is a zip archive", "save it as UTF-8"),
        (b'{"q": 1, "a": 2, "q": 3}', 1, "has the key 'q' twice", "keep one"),
        (b'{"q": [{"a": 1, "a": 1}]}', 1, "has the key 'a' twice", "keep one"),
        (b"[" * 100_000, 1, "is no JSON", "one object a line"),
        (gzip.compress(ROWS * 1000)[:-30], None, "the gzip data is damaged", "fetch"),
    ],
)
def test_what_cannot_be_read_exactly_is_refused_with_row_and_remedy(
    content: bytes, line: int | None, reason: str, help: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    with pytest.raises(RowFault) as caught:
        list(rows_of(path))
    assert line in (None, caught.value.line)
    assert reason in caught.value.reason
    assert help in caught.value.help


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (2.0, "2"),
        (0.1, "0.1"),
        (Decimal("0.10"), "0.1"),
        (Decimal("-0.0"), "0"),
        (Decimal("1E+3"), "1000"),
        (Decimal("123456789012345678901.5"), "123456789012345678901.5"),
        (1e-300, "1e-300"),
        (10**40, "1" + "0" * 40),
        (" as it is ", " as it is "),
    ],
)
def test_a_number_is_its_shortest_exact_text(value: object, text: str) -> None:
    assert text_of(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_no_digit_of_a_number_is_lost(value: float) -> None:
    assert float(text_of(value)) == float(value)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "null"),
        (float("nan"), "NaN"),
        (float("inf"), "infinite"),
        (True, "true"),
        (["a", "b"], "a list"),
        ({"a": 1}, "a mapping"),
        ("", "an empty text"),
        (" \n", "an empty text"),
        ("\ud800", "half of a surrogate pair"),
    ],
)
def test_what_is_neither_text_nor_number_has_no_text(value: object, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        text_of(value)


def test_several_answers_are_a_list_of_texts() -> None:
    assert texts_of(["a", 2]) == ("a", "2")
    assert texts_of("a") == ("a",)
    for wrong in ([], ["a", None], [["a"]]):
        with pytest.raises(ValueError):
            texts_of(wrong)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("a", "a text"),
        ([{"a": 1}], "a list"),
        ({"a": [{"b": float("nan")}]}, "NaN"),
        ({"a": [Decimal("1e999")]}, "infinite"),
        ({"a": {"\ud800": 1}}, "half of a surrogate pair"),
        ({"a": ["\udfff"]}, "half of a surrogate pair"),
    ],
)
def test_what_is_no_object_or_could_not_be_written_is_no_metadata(value: object, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        object_of(value)


def test_metadata_is_as_it_was_written() -> None:
    text = '{"word": "", "numbers": [1, 2.5, null, true], "matrix": {"rows": [[0, -1e-3]]}}'
    read = json.loads(text, parse_float=Decimal)
    assert json.dumps(object_of(read)) == json.dumps(json.loads(text))


def test_nested_columns_are_reached_by_a_dot() -> None:
    row = json.loads('{"a": {"b": {"c": 1}, "x.y": 2}, "a.b": {"d": 3}, "e.f": 4}')
    assert at(row, "a.x.y") == 2
    assert at(row, "a.b.d") == 3
    assert at(row, "e.f") == 4
    for missing in ("a.q", "z", "e", "e.f.g"):
        with pytest.raises(KeyError):
            at(row, missing)
    assert at({"a": {"b": {"c": 1}}}, "a.b.c") == 1


def test_rows_of_what_is_no_text_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes('{"q": "1"}\n'.encode("utf-16"))
    with pytest.raises(RowFault):
        count_rows(path)
