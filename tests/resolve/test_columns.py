"""What a JSON-lines file holds, before anything runs."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.remembered import Remembered
from dataenvgym_spec.gym.tasks.sources.jsonl import Jsonl
from dataenvgym_spec.records.tables import RowFault
from dataenvgym_spec.resolve import columns
from dataenvgym_spec.resolve.columns import ColumnTable, OddValue, look


def table(folder: Path, text: str) -> ColumnTable | None:
    path = folder / "items.jsonl"
    path.write_text(text, encoding="utf-8")
    return look(path, Remembered(folder / "known"))


def test_columns_are_those_that_every_row_has(tmp_path: Path) -> None:
    found = table(tmp_path, '{"q": "1", "g": 3}\n\n{"q": "2", "g": 3, "note": "x"}\n')
    assert found == ColumnTable(
        columns={"q": {"1": 1, "2": 1}, "g": {"3": 2}},
        rows=2,
        others=("note",),
        flat={"q": 1, "g": 1, "note": 3},
    )


def test_the_first_row_without_an_object_is_told_by_column(tmp_path: Path) -> None:
    found = table(tmp_path, '{"m": {"n": 1}, "o": {}}\n{"m": {"n": {}}, "o": null}\n')
    assert found is not None and found.flat == {"m.n": 1, "o": 2}


@pytest.mark.parametrize("line", ['{"q": ', "[1]", "3", "\udc80"])
def test_a_line_that_is_no_object_is_told_by_its_number(line: str, tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_bytes(
        b'{"q": "1"}\n\n' + line.encode("utf-8", "surrogateescape") + b"\n"
    )
    with pytest.raises(RowFault) as caught:
        look(tmp_path / "items.jsonl", Remembered(tmp_path / "known"))
    assert caught.value.line == 3


def test_the_first_value_that_is_no_text_is_told_by_column_and_line(tmp_path: Path) -> None:
    rows = '{"q": "1", "x": 1, "y": {"z": ["a", 2]}}\n{"q": "1", "x": NaN, "y": {"z": null}}\n'
    found = table(tmp_path, rows)
    assert found is not None
    assert found.odd == {
        "x": OddValue(line=2, what="NaN", answers=False),
        "y": OddValue(line=1, what="a mapping", answers=False),
        "y.z": OddValue(line=1, what="a list", answers=True),
    }
    assert set(found.columns) == {"q", "x", "y", "y.z"}


def test_a_column_of_many_values_is_no_group(tmp_path: Path) -> None:
    text = "".join(f'{{"q": "{n}", "g": {n % columns.MANY}}}\n' for n in range(3 * columns.MANY))
    found = table(tmp_path, text)
    assert found is not None
    assert found.columns["q"] is None
    assert found.columns["g"] == {str(n): 3 for n in range(columns.MANY)}


def test_a_file_without_rows_has_no_columns_and_a_large_one_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert table(tmp_path, "\n") == ColumnTable(columns={})
    monkeypatch.setattr(columns, "LARGEST", 5)
    assert table(tmp_path, '{"q": "1"}\n') is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        gzip.compress,
        lambda text: text + b'{"q": "\\ud800", "a": "1"}\n',
        lambda text: text + b'{"q": "caf\xe9", "a": "1"}\n',
        lambda text: text + b'{"q": "cut',
        lambda text: b"[" + text + b"]",
    ],
    ids=["byte-order mark", "gzip", "a lone surrogate", "Latin-1", "a cut line", "an array"],
)
def test_what_validation_reads_a_stage_reads(
    change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(change(b'{"q": "1 + 1", "a": "2"}\n{"q": "2 + 2", "a": "4"}\n'))
    try:
        found = look(path, Remembered(tmp_path / "known"))
    except RowFault as fault:
        found, line = ColumnTable(columns={}), fault.line
    else:
        assert found is not None
        line = min((odd.line for odd in found.odd.values()), default=0)
    try:
        items = Jsonl(path=path, fields={"input": "q", "target": "a"}).items
    except StageError as error:
        assert f": line {line} " in error.message
    else:
        assert (line, len(items)) == (0, found.rows)
