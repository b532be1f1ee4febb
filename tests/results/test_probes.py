"""What teaching changed on other test sets: as a contrast of it would say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.results.evidence.contrasts import comparisons
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.probes import probed
from tests.support.copied import Everything


def asking(folder: Path, seeds: tuple[int, ...]) -> Results:
    """A store with another test set, and the contrast that the report makes of itself."""
    layout = Everything(folder, {}, seeds=seeds).write()
    index = json.loads(layout.index("tiny").read_text(encoding="utf-8"))
    base = {"arm": "with-state", "against": "with-state", "student": "best", "other": "base"}
    own = {**base, "split": "elsewhere", "primary": False}
    write_json(layout.index("tiny"), {**index, "contrasts": [own]})
    return load("tiny", layout.root)


@pytest.mark.parametrize(
    ("seeds", "covers"), [((0,), "items"), ((0, 1, 2), "items and seeds")], ids=["one", "three"]
)
def test_a_change_has_the_interval_of_the_contrast(
    tmp_path: Path, seeds: tuple[int, ...], covers: str
) -> None:
    results = asking(tmp_path / "repo", seeds)
    (contrast,) = comparisons(results)
    change = next(one for one in probed(results) if one.arm == "with-state")
    assert change.change == contrast.difference
    assert contrast.difference.covers == covers
    gained = [pair.gained for _, pair in contrast.runs]
    assert change.fixed == pytest.approx(sum(gained) / len(gained))
    assert [student.student for student in change.students] == ["base", "best", "last"]


def test_before_the_best_student_has_answered_there_is_no_change(tmp_path: Path) -> None:
    results = asking(tmp_path / "repo", (0,))
    (results.layout.stage("evaluate-p-with-state-0") / "log" / "run.json").unlink()
    found = {one.arm: one for one in probed(load("tiny", results.layout.root))}
    assert found["with-state"].change is None and found["no-state"].change is not None
    assert [student.student for student in found["with-state"].students] == ["base"]
