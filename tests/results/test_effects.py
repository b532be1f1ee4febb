"""What the students that an example taught answer otherwise than those before them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.results.effects import changes, effects
from dataenvgym_spec.results.experiment import load
from tests.support.reported import Store
from tests.support.repositories import call


def learns(item: int, arm: str, seed: int, iteration: int) -> bool:
    """The base has item 1, iteration 1 has 1 and 2, iteration 2 has 2 and 3."""
    return item in ((1,), (1, 2), (2, 3), (2, 3))[iteration]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    Store(tmp_path, right=learns).write()
    return tmp_path


def test_on_open_splits_a_student_is_held_against_the_one_before_it(repo: Path) -> None:
    run = load("tiny", repo).runs[0]
    (change, *_) = changes(run, 2)
    assert (change.split, change.before, change.items) == ("selection", 1, 30)
    assert [row.id for row in change.fixed] == ["0003"]
    assert [row.id for row in change.broken] == ["0001"]


def test_on_the_sealed_test_it_is_held_against_the_base(repo: Path) -> None:
    run = load("tiny", repo).runs[0]
    assert run.choice is not None and run.choice.best == 1
    (sealed,) = [change for change in changes(run, 1) if change.split == "test"]
    assert (sealed.before, [row.id for row in sealed.fixed], sealed.broken) == (0, ["0002"], ())
    assert [change.split for change in changes(run, 2)] == ["selection"]  # nobody sealed it


def test_an_example_leads_to_the_items_of_all_students_that_it_taught(repo: Path) -> None:
    results = load("tiny", repo)
    trained = [
        stage for stage in results.stages if stage.key in ("t-with-state-0-1", "t-with-state-0-2")
    ]
    assert [(one.arm, one.iteration) for one in effects([results], trained)] == [("with-state", 1), ("with-state", 2)]  # fmt: skip


def test_trace_goes_on_to_the_items(repo: Path) -> None:
    path = repo / "experiments" / "tiny.json"
    index = json.loads(path.read_text())
    reads = {"k-with-state-0-1": "g-with-state-0-1", "t-with-state-0-1": "k-with-state-0-1"}
    for row in index["stages"]:
        row["inputs"] = [reads[row["key"]]] if row["key"] in reads else []
    write_json(path, index)
    command = ("dataenvgym", "trace", "gcd0")
    told = json.loads(call(*command, "--json", cwd=repo).stdout)
    (effect,) = (effect for one in told for effect in one["effects"])
    assert effect["changes"][0] == {"split": "selection", "before": 0, "items": 30, "fixed": ["0002"], "broken": []}  # fmt: skip
    said = call(*command, cwd=repo).stdout
    assert "then     tiny, with-state, run seed 0, the student of iteration 1" in said
    assert "selection, against the base: 1 fixed, 0 broken of 30 items" in said
    assert "fixed  0002" in said
