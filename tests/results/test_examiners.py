"""Which stage scores a student that is computed again: on selection, and on the sealed test only where the noise floor is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.records.experiment import Copies, Copy, Index, IndexedStage, StageUse
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.results.examiners import examiner
from dataenvgym_spec.store.layout import Layout

OWN, OTHER = "own", "other"


def evaluation(
    layout: Layout, name: str, split: str, *, students: tuple[str, ...] = (OWN,), choice: bool = False, salt: int | None = None, **use: Any
) -> IndexedStage:  # fmt: skip
    """A stage that has students answer a split."""
    inputs = [["student", key, "student"] for key in students] + [["items", "data", split]]
    inputs += [["choice", "select", "choice"]] if choice else []
    params: dict[str, Any] = {"splits": [split]}
    params |= {} if salt is None else {"salt": salt}
    folder = layout.stage(name)
    folder.mkdir(parents=True)
    write_json(folder / "stage.json", {"params": params, "inputs": inputs})
    where = {"arm": "main", "seed": 0, "iteration": 1, "label": name}
    read = tuple(key for _, key, _ in inputs)
    row = {"directory": name, "key": name, "kind": "evaluate", "inputs": read}
    return IndexedStage(**row, uses=(StageUse(**where, **use),))


def index(*stages: IndexedStage, split: str | None = None) -> Index:
    noise = None
    if split is not None:
        noise = Copies(arm="main", seed=0, iteration=1, split=split, reevaluate=1, retrain=1)  # type: ignore[arg-type]
    rest: dict[str, Any] = {"iterations": {}, "contrasts": (), "settings": {}, "inputs": {}}
    return Index(
        name="tiny", description="", arms=("main",), seeds=(0,), noise=noise, stages=stages, **rest
    )


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=tmp_path)


def test_selection_is_asked_and_no_test(layout: Layout) -> None:
    sealed = evaluation(layout, "evaluate-1", "test", students=(OWN, OTHER), choice=True)
    each = evaluation(layout, "evaluate-2", "test", each=1)
    probe = evaluation(layout, "evaluate-3", "test", probe="elsewhere")
    plain = evaluation(layout, "evaluate-4", "test")
    hidden = evaluation(layout, "evaluate-5", "hidden")
    tests = (sealed, each, probe, plain, hidden)
    for split in (None, "selection", "test"):
        assert examiner(layout, index(*tests, split=split), OWN) is None
    own = evaluation(layout, "evaluate-6", "selection")
    for split in (None, "selection", "test"):
        found = examiner(layout, index(*tests, own, split=split), OWN)
        assert found == ("evaluate-6", "selection")


def test_the_test_is_asked_of_the_student_that_is_copied_on_it(layout: Layout) -> None:
    own = evaluation(layout, "evaluate-1", "selection")
    copied = evaluation(layout, "evaluate-2", "test", copy=Copy(of="student"))
    both = (own, copied)
    assert examiner(layout, index(*both, split="test"), OWN) == ("evaluate-2", "test")
    assert examiner(layout, index(*both, split="selection"), OWN) == ("evaluate-1", "selection")


def test_a_copy_of_an_evaluation_and_the_evaluation_of_another_are_not_meant(
    layout: Layout,
) -> None:
    salted = evaluation(layout, "evaluate-1", "selection", salt=1)
    other = evaluation(layout, "evaluate-2", "selection", students=(OTHER,))
    assert examiner(layout, index(salted, other), OWN) is None
    assert examiner(layout, index(salted, other), OTHER) == ("evaluate-2", "selection")


def test_a_damaged_stage_is_passed_over(layout: Layout) -> None:
    own = evaluation(layout, "evaluate-1", "selection")
    for text in ("{", "[]", '{"params": {}, "inputs": [1]}'):
        (layout.stage("evaluate-1") / "stage.json").write_text(text)
        assert examiner(layout, index(own), OWN) is None
