"""Several contrasts in a terminal: a table first, and what holds of all of them once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dataenvgym_spec import load
from dataenvgym_spec.cli.report import command
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report.text import p_cell
from dataenvgym_spec.results.evidence.contrasts import comparisons
from dataenvgym_spec.results.wording import ITEMS_ONLY
from tests.support.copied import MOVED, Copied
from tests.support.reported import SKILLS

CHANCE = "in 95 of 100 cases"
QUESTIONS: tuple[dict[str, Any], ...] = (
    {"arm": "with-state", "against": "no-state", "student": "best", "primary": True},
    {"arm": "with-state", "against": "no-state", "student": "last"},
    {"arm": "with-state", "against": "no-state", "student": "best", "skill": SKILLS[0]},
)


def told(folder: Path, monkeypatch: pytest.MonkeyPatch, *numbers: int, **more: Any) -> str:
    """What `dataenvgym report` says of some contrasts, with spaces for line breaks."""
    layout = Copied(folder / "repo", MOVED, **more).write()
    path = layout.index("tiny")
    index = json.loads(path.read_text(encoding="utf-8"))
    questions = [{"split": "test", **QUESTIONS[number]} for number in numbers]
    write_json(path, {**index, "contrasts": questions})
    monkeypatch.chdir(layout.root)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output


def table(text: str) -> list[list[str]]:
    """The lines of the table of contrasts, in cells."""
    block = next((part for part in text.split("\n\n") if "\ncontrast " in part), "")
    return [re.split(r" {2,}", line.strip()) for line in block.splitlines()][1:]


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_a_table_comes_first_and_what_all_share_is_said_once(
    seeds: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = told(tmp_path, monkeypatch, 0, 1, 2, seeds=seeds)
    head, *rows, below = table(text)
    assert head[0] == "contrast" and len(rows) == 3
    assert [row[0].endswith("(primary)") for row in rows] == [True, False, False]
    found = comparisons(load("tiny", tmp_path / "repo"))
    for row, one in zip(rows, found, strict=True):
        assert row[1] == f"{100 * one.difference.value:+.1f}"
        assert row[4] == p_cell(one.weighed.p)
    assert (ITEMS_ONLY in below[0]) is (len(seeds) == 1)
    words = " ".join(text.split())
    assert words.count("of these contrasts:") == 1
    shared = words.partition("Of each of these contrasts: ")[2]
    assert words.count("no git history") == 1 and "no git history" in shared
    assert words.count("Noise floor: ") == 3 and words.count(CHANCE) == 1


def test_one_contrast_has_no_table_and_says_all_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = told(tmp_path, monkeypatch, 0)
    assert not table(text) and "of these contrasts" not in text
    assert "no git history" in text and CHANCE in " ".join(text.split())
