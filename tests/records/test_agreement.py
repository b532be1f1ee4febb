"""An index whose parts do not agree with each other is refused where it is read, with the reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.records.files import read_json, write_json
from dataenvgym_spec.results.experiment import load
from tests.support.complete import Complete

Change = Callable[[dict[str, Any]], object]


def renamed(table: dict[str, Any]) -> None:
    """Gives its first key another name."""
    name = next(iter(table))
    table[f"{name}x"] = table.pop(name)


def first_use(index: dict[str, Any]) -> dict[str, Any]:
    use: dict[str, Any] = index["stages"][0]["uses"][0]
    return use


CHANGES: dict[str, tuple[Change, str]] = {
    "arm": (lambda index: index["arms"].__setitem__(0, "x"), "'arms' and 'iterations' differ in 'with-state'"),
    "no arm": (lambda index: index.update(arms=[]), "'arms' is empty or names one twice"),
    "arm twice": (lambda index: index["arms"].append(index["arms"][0]), "'arms' is empty or names one twice"),
    "seed twice": (lambda index: index.update(seeds=[0, 0]), "'seeds' is empty or names one twice"),
    "iterations": (lambda index: renamed(index["iterations"]), "'arms' and 'iterations' differ"),
    "settings": (lambda index: renamed(index["settings"]), "'arms' and 'settings' differ"),
    "below nothing": (lambda index: index["iterations"].update({"no-state": -1}), "'no-state' has -1 iterations"),
    "too few": (lambda index: index["iterations"].update({"no-state": 1}), "an iteration 2, which 'no-state' does not have"),
    "without end": (lambda index: index["iterations"].update({"no-state": 10**9}), "'no-state' has 1000000000 iterations, and stages of 2"),
    "seed": (lambda index: index.update(seeds=[0, 9]), "a run seed 1, which is not there"),
    "sweep": (lambda index: index.update(sweep="/x"), "'tiny' is no point of a sweep '/x'"),
    "contrast": (lambda index: index["contrasts"][0].update(arm="x"), "is of an arm 'x', which is not there"),
    "against": (lambda index: index["contrasts"][0].update(against="x"), "is of an arm 'x', which is not there"),
    "student": (lambda index: index["contrasts"][0].update(student=9), "is of an iteration 9"),
    "split": (lambda index: index["contrasts"][0].update(split="x"), "no run of 'with-state' under seed 0 answers 'x'"),
    "noise": (lambda index: index["noise"].update(arm="x"), "the noise floor is of an arm 'x'"),
    "noise seed": (lambda index: index["noise"].update(seed=9), "the noise floor is of a run seed 9"),
    "noise iteration": (lambda index: index["noise"].update(iteration=99), "the noise floor is of an iteration 99"),
    "kind": (lambda index: index["stages"][0].update(kind="x"), "is of another kind, 'x'"),
    "stage twice": (lambda index: index["stages"].append(index["stages"][0]), "is there twice"),
    "stage lost": (lambda index: index["stages"].pop(0), "reads one that is not there"),
    "no use": (lambda index: index["stages"][0].update(uses=[]), "has no use"),
    "use": (lambda index: first_use(index).update(arm="x"), "is of an arm 'x', which is not there"),
    "name": (lambda index: index.update(name="tiny\x1b[2J"), "a name holds what cannot be seen"),
    "label": (lambda index: first_use(index).update(label="a\u202eb"), "holds what cannot be seen"),
    "each": (lambda index: first_use(index).update(each=-1), "is of an iteration -1"),
}  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("complete")
    Complete(root)
    return root


@pytest.fixture(scope="module")
def whole(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = read_json(root / "experiments" / "tiny.json")
    return content


def test_what_was_compiled_is_read(whole: dict[str, Any]) -> None:
    assert Index.parse(whole).name == "tiny"


@pytest.mark.parametrize("name", CHANGES)
def test_parts_that_do_not_agree_are_refused(name: str, whole: dict[str, Any]) -> None:
    change, reason = CHANGES[name]
    index = copy.deepcopy(whole)
    change(index)
    with pytest.raises(msgspec.ValidationError) as refused:
        Index.parse(index)
    assert reason in str(refused.value)


def test_an_index_is_one_of_the_experiment_that_it_is_named_for(
    root: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / ".dvc").mkdir()
    path = tmp_path / "experiments" / "other.json"
    path.parent.mkdir()
    for content, reason in (
        (whole, "is of another experiment, 'tiny'"),
        ({**whole, "name": "other", "arms": []}, "is damaged: 'arms' is empty"),
        ({"name": "other"}, "is damaged: Object missing required field"),
    ):
        write_json(path, content)
        with pytest.raises(UserError) as refused:
            load("other", tmp_path)
        assert reason in refused.value.message
        assert refused.value.help == "run: dataenvgym compile"
