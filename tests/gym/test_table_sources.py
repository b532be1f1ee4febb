"""Sources of rows: formats, layouts, joins, differences and bad rows, of files and of the hub alike."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.tasks.sources.files import Files
from dataenvgym_spec.gym.tasks.sources.hub import HubDataset
from dataenvgym_spec.gym.tasks.sources.jsonl import Jsonl
from dataenvgym_spec.records.items import Item
from tests.support.golden import FIELDS, ROWS, assert_golden, component, make
from tests.support.public import needs_public, public_data

COLUMNS = {"input": "q", "target": "a"}


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


class OfHub(HubDataset):
    """A data set whose rows are here; which rows it has is the library's business."""

    given: ClassVar[list[dict[str, Any]]] = []

    def _rows(self, *_: Any) -> Iterator[dict[str, Any]]:
        return iter(self.given)


@pytest.fixture(params=["files", "hub"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Makes a source of rows, of either kind."""
    made: list[Any] = []

    def of(rows: list[dict[str, Any]], **options: Any) -> Any:
        if request.param == "files":
            path = written(tmp_path / f"{len(made)}.jsonl", rows)
            made.append(Files(path=path, **options))
        else:
            kind = type("Given", (OfHub,), {"given": rows})
            made.append(kind(id="a/b", revision="0" * 40, configs="all", split="x", **options))
        return made[-1]

    return of


def test_the_source_files_makes_what_its_number_says(tmp_path: Path) -> None:
    path = written(tmp_path / "rows", ROWS)
    source = make("source", component("source", "files", fields=FIELDS, path="x"), {"x": path})
    rows = [[group, [item.row() for item in source.stream(group, 0)]] for group in source.groups()]
    assert_golden("source", "files", {1: "8663f3b50ad73590"}, rows)


def test_a_file_of_json_lines_gives_the_items_that_it_always_gave(tmp_path: Path) -> None:
    path = written(tmp_path / "rows", ROWS)
    before = Jsonl(path=path, fields=FIELDS).items
    assert Files(path=path, fields=FIELDS).items == before
    path.write_bytes(b"\xef\xbb\xbf\r\n" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert Files(path=path, fields=FIELDS).items == before == Jsonl(path=path, fields=FIELDS).items


def test_columns_in_lists(table: Any) -> None:
    row = {"turns": [{"q": "1 + 1"}, {"q": "1 / 2"}], "answers": [{"text": "a"}, {"text": "b"}]}
    (item,) = table([row], fields={"input": "turns.-1.q", "target": "answers.*.text"}).items
    assert (item.input, item.golds) == ("1 / 2", ("a", "b"))
    with pytest.raises(StageError, match=r" 1 has no column 'turns.2.q'"):
        table([row], fields={"input": "turns.2.q", "target": "answers.0.text"})


def test_what_was_said_before_is_part_of_what_is_asked(table: Any) -> None:
    def row(*turns: str) -> dict[str, Any]:
        roles = ["user", "assistant"] * 3
        return {
            "messages": [
                {"role": who, "content": text} for who, text in zip(roles, turns, strict=False)
            ]
        }

    first, other, alone = table(
        [row("Add.", "Yes?", "1, 2", "3"), row("Multiply.", "Yes?", "1, 2", "2"), row("1, 2", "?")],
        layout="messages",
    ).items
    assert [turn.text for turn in first.before] == ["Add.", "Yes?"]
    assert (first.input, first.target, alone.before) == ("1, 2", "3", ())
    assert len({item.id for item in (first, other, alone)}) == 3
    assert len({item.cluster for item in (first, other, alone)}) == 3


def test_slices_are_further_columns_by_names(table: Any) -> None:
    fields = {**COLUMNS, "slices": {"level": "level", "where": "from.page"}}
    row = {"q": "x", "a": "y", "level": 3, "from": {"page": "p. 7"}}
    (item,) = table([row], fields=fields).items
    assert item.slices == {"level": "3", "where": "p. 7"}
    assert "slices" not in table([row], fields=COLUMNS).items[0].row()
    with pytest.raises(StageError, match=r" 1 has no column 'from\.page'"):
        table([{"q": "x", "a": "y", "level": 3}], fields=fields)


def test_a_layout_leaves_other_columns_to_be_named(table: Any) -> None:
    row = {"instruction": "1 + 1", "output": "2", "topic": "sums"}
    (item,) = table([row], layout="alpaca", fields={"group": "topic"}).items
    assert item.group == "sums"


def test_a_column_of_earlier_turns(table: Any) -> None:
    before = [{"role": "system", "content": "Be brief."}]
    (item,) = table([{"q": "x", "a": "y", "b": before}], fields={**COLUMNS, "before": "b"}).items
    assert [turn.role for turn in item.before] == ["system"]
    with pytest.raises(StageError, match=" 1 has no list of turns in column 'b'"):
        table([{"q": "x", "a": "y", "b": "?"}], fields={**COLUMNS, "before": "b"})


def test_rows_are_joined_with_those_of_another_source(table: Any) -> None:
    answers = table([{"id": 2, "answer": {"text": "4"}}, {"id": "1", "answer": {"text": "2"}}])
    rows = [{"n": 1, "q": "1 + 1"}, {"n": 2, "q": "2 + 2"}]
    join = {"source": answers, "on": "n", "equals": "id"}
    joined = table(rows, fields={"input": "q", "target": "join.answer.text"}, join=join)
    assert [item.target for item in joined.items] == ["2", "4"]


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([{"n": 1, "a": "2"}], "2 has '2' in column 'n', which no row of"),
        ([{"n": 1, "a": "2"}, {"n": 1.0, "a": "3"}], "two rows have '1' in column 'n'"),
        ([{"n": None, "a": "2"}], "a row has no text in column 'n' (null)"),
    ],
)
def test_a_join_that_is_not_one_to_one_is_refused(
    others: list[dict[str, Any]], words: str, table: Any
) -> None:
    join = {"source": table(others), "on": "n"}
    rows = [{"n": 1, "q": "1 + 1"}, {"n": 2, "q": "2 + 2"}]
    with pytest.raises(StageError, match=re.escape(words)):
        table(rows, fields={"input": "q", "target": "join.a"}, join=join)


def test_what_another_source_has_is_left_out_by_key_or_by_question(table: Any) -> None:
    rows = [{"n": n, "q": f"{n} + 1", "a": n + 1} for n in range(5)]
    exam = table([{"n": "3", "q": "0  +  1", "a": "1"}], fields=COLUMNS)
    by_key = table(rows, fields=COLUMNS, without={"source": exam, "on": "n"})
    by_question = table(rows, fields=COLUMNS, without={"source": exam})
    assert [item.target for item in by_key.items] == ["1", "2", "3", "5"]
    assert [item.target for item in by_question.items] == ["2", "3", "4", "5"]
    assert by_key.skipped == by_question.skipped == {"rows that another source has too": 1}


def test_rows_that_cannot_be_used_are_counted_where_the_spec_says_so(table: Any) -> None:
    rows = [{"q": "1", "a": "1"}, {"q": None, "a": "2"}, {"a": "3"}, {"q": "4", "a": ["4"]}]
    source = table(rows, fields=COLUMNS, bad_rows="skip")
    assert [item.input for item in source.items] == ["1", "4"]
    assert source.skipped == {"rows that cannot be used": 2}
    with pytest.raises(StageError, match=" 2 has null in column 'q'"):
        table(rows, fields=COLUMNS)
    mixed = [{"instruction": "a", "output": "b"}, {"instruction": "a"}]
    assert table(mixed, layout="alpaca", bad_rows="skip").skipped == {"rows that cannot be used": 1}


@needs_public("gsm8k-test.jsonl", "math-test.jsonl")
def test_real_files_in_another_format_give_the_same_items(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    for name, fields in (
        ("gsm8k-test.jsonl", {"input": "question", "target": "answer"}),
        ("math-test.jsonl", {"input": "problem", "target": "solution", "group": "type"}),
    ):
        lines = (public_data() / name).read_text(encoding="utf-8").split("\n")[:200]
        rows = pa.Table.from_pylist([json.loads(line) for line in lines if line])
        plain = written(tmp_path / "rows.jsonl", rows.to_pylist())
        csv.write_csv(rows, tmp_path / "rows.csv")
        parquet.write_table(rows, tmp_path / "rows.parquet")
        items: list[list[Item]] = []
        for path in (plain, tmp_path / "rows.csv", tmp_path / "rows.parquet"):
            items.append(Files(path=path, fields=fields).items)
        assert items[0] == items[1] == items[2]
        assert len(items[0]) > 190
