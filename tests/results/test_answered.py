"""All that was ever answered to an item: by whom, what turned, and for which examples it was shown."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.cli.history import history_lines
from dataenvgym_spec.results.answered import histories
from dataenvgym_spec.results.experiment import load
from tests.support.copied import Copied
from tests.support.reported import HOSTILE, ITERATIONS, Store
from tests.support.repositories import call

ITEM = "0005"
"""Of the items of both splits; each base gets it wrong: 7 * 5 % 20 is 15."""


def learns(item: int, arm: str, seed: int, iteration: int) -> bool:
    """One item alone changes: iteration 1 fixes it, iteration 2 breaks it, in one arm."""
    return item == int(ITEM, 16) and arm == "with-state" and iteration == 1


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    store = Store(tmp_path, right=learns)
    store.write()
    path = (
        store.layout.store / "generate-g-with-state-0-2" / "out" / "candidates" / "examples.jsonl"
    )
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[:2]:
        row["provenance"]["shown"] = [ITEM]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_each_answer_is_told_once_with_who_fixed_and_who_broke_it(repo: Path) -> None:
    (history,) = histories([load("tiny", repo)], ITEM)
    mine = [one for one in history.answers if (one.arm, one.split) == ("with-state", "selection")]
    assert [(one.iteration, one.row.correct, one.turned) for one in mine] == [
        (0, False, None), (1, True, "fixed"), (2, False, "broken"), (3, False, None),
    ]  # fmt: skip
    others = [one for one in history.answers if one.arm == "no-state"]
    assert {one.turned for one in others} == {None}
    assert len([one for one in others if one.split == "selection"]) == ITERATIONS + 1


def test_on_the_sealed_test_a_row_says_whose_answer_it_is(repo: Path) -> None:
    (history,) = histories([load("tiny", repo)], ITEM)
    mine = [one for one in history.answers if (one.arm, one.split) == ("with-state", "test")]
    assert [(one.iteration, one.turned) for one in mine] == [(0, None), (1, "fixed"), (3, "broken")]


def test_examples_that_it_was_shown_for_are_found(repo: Path) -> None:
    (history,) = histories([load("tiny", repo)], ITEM)
    (showing,) = history.shown
    assert showing.stage.path.name == "generate-g-with-state-0-2"
    assert len(showing.examples) == 2
    (never,) = histories([load("tiny", repo)], "0006")
    assert never.shown == ()


def test_answers_that_differ_at_their_end_are_told_apart(repo: Path) -> None:
    (history,) = histories([load("tiny", repo)], ITEM)
    start = "First, the question asks for the greatest number that divides both: it is "
    answers = [
        replace(one, row=msgspec.structs.replace(one.row, prediction=f"{start}{number}"))
        for number, one in enumerate(history.answers)
    ]
    said = [
        line.split("...")[-1]
        for line in history_lines(replace(history, answers=tuple(answers)))
        if line.startswith(("   base", "   iteration"))
    ]
    assert len(set(said)) == len(answers) and said[-1].endswith(f"it is {len(answers) - 1}")


def test_the_command_tells_people_and_programs_the_same(repo: Path) -> None:
    (one,) = json.loads(call("dataenvgym", "trace", ITEM, "--json", cwd=repo).stdout)
    assert one["item"]["id"] == ITEM
    verdicts = {
        (row["arm"], row["split"], row["iteration"]): row["verdict"] for row in one["answers"]
    }
    assert verdicts["with-state", "selection", 1] == "right"
    assert verdicts["no-state", "selection", 1] == "wrong"
    said = call("dataenvgym", "trace", ITEM, cwd=repo).stdout
    assert "answered tiny, with-state, run seed 0, selection" in said
    assert "iteration 1  right (fixed)" in said and "iteration 2  wrong (broken)" in said
    assert "for 2 examples: gcd0, gcd1" in said
    assert HOSTILE not in said and "\\u202e" in said


@pytest.mark.parametrize(("truncated", "unparseable", "verdict"), [(True, False, "cut off"), (True, True, "unparseable")])  # fmt: skip
def test_why_an_answer_is_wrong_is_said(
    repo: Path, truncated: bool, unparseable: bool, verdict: str
) -> None:
    path = repo / "store" / "evaluate-s-no-state-0-1" / "out" / "selection" / "results.jsonl"
    rows: list[dict[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    rows[5] |= {"truncated": truncated, "unparseable": unparseable}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (one,) = json.loads(call("dataenvgym", "trace", ITEM, "--json", cwd=repo).stdout)
    told = [row["verdict"] for row in one["answers"] if row["stage"] == "evaluate-s-no-state-0-1"]
    assert told == [verdict]


def test_copies_for_the_noise_floor_are_told_apart_from_the_student(tmp_path: Path) -> None:
    Copied(tmp_path, {"reevaluate": (0,), "retrain": (-30,)}).write()
    (history,) = histories([load("tiny", tmp_path)], ITEM)
    copies = {one.copy: one for one in history.answers if one.copy}
    assert set(copies) == {"reevaluate 1", "retrain 1"}
    assert all(one.iteration == 3 and one.turned is None for one in copies.values())
    assert not copies["retrain 1"].row.correct
    (own,) = (one for one in history.answers if not one.copy and (one.arm, one.split, one.iteration) == ("with-state", "selection", 3))  # fmt: skip
    assert own.stage.path.name == "evaluate-s-with-state-0-3"
    said = call("dataenvgym", "trace", ITEM, cwd=tmp_path).stdout
    assert "with-state, run seed 0, selection, noise floor, retrain 1" in said
