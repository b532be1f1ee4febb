"""What each source gives: its items, to the byte."""

from __future__ import annotations

import json
import re
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.language.components import definition
from tests.support.golden import FIELDS, ROWS, assert_golden, component, families, make


def _stream(made: Any) -> list[Any]:
    return [
        [group, [item.row() for item in islice(made.stream(group, 11), 25)]]
        for group in made.groups()
    ]


def _jsonl(shop: Path) -> Any:
    path = shop / "rows.jsonl"
    path.write_text(
        "\n".join(json.dumps(row) for row in [*ROWS, ROWS[0]]) + "\n\n", encoding="utf-8"
    )
    described = component("source", "jsonl", fields=FIELDS, path="sha256:x")
    return _stream(make("source", described, {"sha256:x": path}))


def _hub(_shop: Path) -> Any:
    """Items from the rows that the library gives; which rows it gives is the pinned commit's business."""
    loaded = definition("source", "hub").load()

    class Listed(loaded):  # type: ignore[misc, valid-type]
        def _rows(self, *_: Any) -> Any:
            return iter(ROWS)

    return _stream(
        Listed(
            id="a/b",
            revision="0" * 40,
            configs="all",
            split="train",
            fields={**FIELDS, "group": "c"},
        )
    )


def test_the_source_reasoning_gym_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _stream(make("source", families()))
    assert_golden("source", "reasoning-gym", {3: "29587d37b43f404c"}, made)


def test_the_source_jsonl_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _jsonl(tmp_path)
    assert_golden("source", "jsonl", {3: "8f6b7de44ee25a5b"}, made)


def test_the_source_hub_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _hub(tmp_path)
    assert_golden("source", "hub", {3: "173b6b65ecf302c9"}, made)


def _listed(folder: Path, *rows: dict[str, Any], **fields: str) -> Any:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    named = {"input": "q", "target": "a", **fields}
    return make("source", component("source", "jsonl", fields=named, path="x"), {"x": path})


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"q": None, "a": "2"}, "line 2 has null in column 'q'"),
        ({"q": "x", "a": None}, "line 2 has null in column 'a'"),
        ({"q": "x", "a": float("nan")}, "line 2 has NaN in column 'a'"),
        ({"q": ["x"], "a": "2"}, "line 2 has a list in column 'q'"),
        ({"q": {"x": 1}, "a": "2"}, "line 2 has a mapping in column 'q'"),
        ({"q": "", "a": "2"}, "line 2 has an empty text in column 'q'"),
        ({"q": "x"}, "line 2 has no column 'a'"),
    ],
)
def test_what_is_no_text_is_never_taught(row: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=re.escape(words)):
        _listed(tmp_path, {"q": "1 + 1", "a": "2"}, row)


def test_numbers_nested_columns_and_several_answers(tmp_path: Path) -> None:
    row = {"q": {"text": "1 / 2"}, "a": [0.50, "1/2", "0.5"]}
    (item,) = _listed(tmp_path, row, input="q.text").items
    assert (item.input, item.target, item.verifier) == (
        "1 / 2",
        "0.5",
        {"answers": ["0.5", "1/2"]},
    )


def test_rows_that_say_the_same_are_counted(tmp_path: Path) -> None:
    source = _listed(tmp_path, {"q": "a", "a": 1}, {"q": "A", "a": 1}, {"q": "a", "a": 1})
    assert (len(source.items), source.skipped) == (2, {"repeated rows": 1})


def test_a_folder_here_is_not_taken_for_a_data_set_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library would read it in place of the pinned commit."""
    folder = tmp_path / "maker" / "sums"
    folder.mkdir(parents=True)
    row = {"q": "1 + 1", "a": "2", "g": "sum", "c": "1"}
    (folder / "train.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    described = component(
        "source", "hub", id="maker/sums", revision="a" * 40, configs="all", split="train",
        fields=FIELDS,
    )  # fmt: skip
    with pytest.raises(StageError, match="'maker/sums' is a folder here"):
        make("source", described)
