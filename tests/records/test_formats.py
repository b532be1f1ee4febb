"""Table files of every format give the same rows, and say where they are wrong."""

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.records.formats import format_of, rows_in
from dataenvgym_spec.records.tables import RowFault

ROWS = [
    {"q": "1 + 1", "a": "2", "note": 'a "b", c'},
    {"q": "two\nlines", "a": "ü", "note": " ; "},
]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
CSV = 'q,a,note\n1 + 1,2,"a ""b"", c"\n"two\nlines",ü, ; \n'.encode()


def parquet(folder: Path) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    path = folder / "made.parquet"
    parquet.write_table(pa.Table.from_pylist(ROWS), path, row_group_size=1)
    return path.read_bytes()


MADE: dict[str, Callable[[Path], bytes]] = {
    "jsonl": lambda _: JSONL,
    "json": lambda _: json.dumps(ROWS, indent=1).encode(),
    "csv": lambda _: CSV,
    "parquet": parquet,
}
MARK = b"\xef\xbb\xbf"
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda text: text,
    "gzip": gzip.compress,
    "byte-order mark": lambda text: MARK + text,
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "blank lines": lambda text: b"\n\r\n" + text + b"\n \n",
    "all": lambda text: gzip.compress(MARK + text.replace(b"\n", b"\r\n") + b"\r\n"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("made", MADE)
def test_rows_are_the_same_in_every_format_and_as_every_program_writes_them(
    made: str, change: str, tmp_path: Path
) -> None:
    content = MADE[made](tmp_path)
    if made == "parquet" and change not in ("plain", "gzip"):
        return  # it is no text
    path = tmp_path / "rows.txt"  # whose name says nothing
    path.write_bytes(CHANGES[change](content))
    assert format_of(path) == made
    assert [row for _, row in rows_in(path)] == ROWS


@pytest.mark.parametrize("sign", [";", "\t"])
def test_cells_may_be_parted_by_what_the_header_has_most(sign: str, tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_text(f'"q, or so"{sign}a{sign}\nx, y{sign}1{sign}0\n', encoding="utf-8")
    assert list(rows_in(path)) == [(2, {"q, or so": "x, y", "a": "1"})]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"q,a\n1,2\n\n3\n", 4, "has 1 cells, and the header 2"),
        (b"q,a\n1,2,3\n", 2, "has 3 cells"),
        (b'q,a\n"x\ny",1\n"never closed,2\n5,6\n', 4, "is no CSV"),
        (b'q,a\n"x"y,1\n', 2, "is no CSV"),
        (b"q,a,q\n1,2,3\n", 1, "has the column 'q' twice"),
        (b"q,a\n1,2\ncaf\xe9,1\n", 3, "bytes that are not UTF-8"),
        (b'[{"q": 1},\n{"q": ]\n', 2, "is no JSON"),
        (b'[{"q": 1}, 3]', 2, "is no JSON object"),
        (b'[{"q": 1, "q": 2}]', 0, "is no JSON: q"),
        (b"PAR1 and what is no Parquet", 0, "damaged Parquet"),
        (gzip.compress(CSV * 1000)[:-40], None, "the gzip data is damaged"),
        (gzip.compress(b"PAR1" * 1000)[:-20], None, "the gzip data is damaged"),
    ],
)
def test_what_cannot_be_read_says_where(
    content: bytes, line: int | None, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    with pytest.raises(RowFault) as caught:
        list(rows_in(path))
    assert reason in caught.value.reason
    assert line in (None, caught.value.line)
    assert caught.value.help


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b'{"q": 1}\n{"q": \n{"q": 2}\n[3]\n', [1, 3]),
        (b"q,a\n1,2\n3\n4,5\n", [2, 4]),
        (b'[{"q": 1}, 2, {"q": 3}]', [1, 3]),
    ],
)
def test_bad_rows_can_be_collected(content: bytes, kept: list[int], tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(content)
    bad: list[RowFault] = []
    assert [number for number, _ in rows_in(path, bad)] == kept
    assert bad and not {fault.line for fault in bad} & set(kept)


def test_without_its_library_parquet_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RowFault) as caught:
        list(rows_in(path))
    assert "needs the package 'pyarrow'" in caught.value.reason
    assert "dataenvgym-spec[train]" in caught.value.help
