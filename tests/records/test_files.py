"""The one reader and writer of JSON: one form, and an error that says what to do for what cannot be read."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.files import (
    json_text,
    parse_json,
    read,
    read_all,
    read_json,
    read_rows,
    read_some,
    read_table,
    write_json,
    write_rows,
    write_table,
)
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Yield


def test_json_has_one_form(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": "ü", "a": [1.0]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '{\n  "a": [\n    1.0\n  ],\n  "b": "ü"\n}\n'


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), values))
def test_json_is_indented_as_python_does(content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    assert json_text(content) == f"{text}\n"


def test_a_line_separator_in_an_answer_ends_no_row(tmp_path: Path) -> None:
    rows = [{"text": "a\u2028b"}, {"text": "c"}]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert read_rows(tmp_path / "rows.jsonl") == rows


def test_records_by_name(tmp_path: Path) -> None:
    table = {"sum": Yield(requested=3, accepted=2)}
    write_table(tmp_path / "yield.json", table)
    assert read_table(tmp_path / "yield.json", Yield) == table


@pytest.mark.parametrize("text", ["", "{", '{"id": 1}', "[]", "7", '{"sum": 7}'])
def test_what_is_damaged_is_told_with_a_remedy(text: str, tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    readers = [lambda: read(path, Item), lambda: read_table(path, Yield)]
    for reader in readers if text != "" else [*readers, lambda: read_json(path)]:
        with pytest.raises(StageError) as error:
            reader()
        assert "is damaged or half-written" in error.value.message
        assert f"remove '{path.parent}'" in error.value.help


def test_what_is_missing_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="is missing"):
        read_all(tmp_path / "none.jsonl", Item)


def test_lines_that_are_not_wanted_are_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"requested": 3, "accepted": 2}\n{"half\n', encoding="utf-8")
    found = list(read_some(path, Yield, lambda line: "requested" in line))
    assert found == [Yield(requested=3, accepted=2)]
    with pytest.raises(StageError, match="damaged or half-written"):
        list(read_some(path, Yield, lambda line: "half" in line))


def test_what_only_python_takes_for_json_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '{"input": "1\\ud800", "id": "a", "group": "g", "cluster": "c", "target": "2"}\n'
    )
    assert [item.input for item in read_all(path, Item)] == ["1\ud800"]


def test_what_is_nested_beyond_reading_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json("[" * 100_000)
