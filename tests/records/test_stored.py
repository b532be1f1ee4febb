"""Records by their numbers, read when they are asked for; and records that are counted without being read."""

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.examples import Notes
from dataenvgym_spec.records.files import count_of, each, read_all, write_rows
from dataenvgym_spec.records.stored import Stored

ROWS = [Notes(id=str(number), skill="\u2028 ä\n", notes={"a": "b" * number}) for number in range(9)]


def test_each_is_found_by_its_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, ROWS)
    stored = Stored(path, Notes)
    assert len(stored) == count_of(path) == 9
    assert list(stored) == list(each(path, Notes)) == read_all(path, Notes) == ROWS
    assert [stored[number] for number in (8, 0, 3, -1)] == [ROWS[n] for n in (8, 0, 3, -1)]
    assert stored[2:4] == ROWS[2:4]
    with pytest.raises(IndexError):
        stored[9]


def test_blank_lines_and_a_last_line_without_an_end_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_rows(path, ROWS)
    text = path.read_text(encoding="utf-8").replace("\n", "\n\n").removesuffix("\n\n")
    path.write_text(text, encoding="utf-8", newline="\n")
    stored = Stored(path, Notes)
    assert [stored[number] for number in range(len(stored))] == list(stored) == ROWS
    assert count_of(path) == 9
    path.write_text("", encoding="utf-8")
    assert list(Stored(path, Notes)) == [] == read_all(path, Notes)
    assert count_of(path) == 0


def test_what_is_missing_or_damaged_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for read in (lambda: Stored(path, Notes), lambda: list(each(path, Notes)), lambda: count_of(path)):  # fmt: skip
        with pytest.raises(StageError, match="is missing"):
            read()
    path.write_text('{"id": "1"}\n{"id"', encoding="utf-8")
    stored = Stored(path, Notes)
    for number in (0, 1):
        with pytest.raises(StageError, match="damaged or half-written"):
            stored[number]
