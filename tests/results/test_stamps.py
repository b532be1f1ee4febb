"""Under which circumstances stages ran, and what of it a contrast of two arms says."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.noise import noise_floor
from dataenvgym_spec.results.stamps import Stamp, between, stamps
from tests.support.copied import Copied
from tests.support.tracked import ARMS, Store

FACTS: dict[str, tuple[Any, Any]] = {
    "gpu": ("NVIDIA H100", "NVIDIA H200"),
    "driver": ("570.1", "575.1"),
    "device_batch": (4, 16),
    "threads": (1, 8),
    "processes": (1, 2),
    "weights": ("float32", "bfloat16"),
    "versions": ({"sympy": "1.13"}, {"sympy": "1.14"}),
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Store(tmp_path_factory.mktemp("store")).root


@pytest.mark.parametrize("name", FACTS)
def test_a_contrast_names_whatever_differs_between_its_arms(name: str, root: Path) -> None:
    results = load("tiny", root)
    for arm, value in zip(ARMS, FACTS[name], strict=True):
        for stage in results.stages:
            path = stage.path / "log" / "run.json"
            if stage.kind == "train" and {use.arm for use in stage.uses} == {arm}:
                log = json.loads(path.read_text(encoding="utf-8"))
                write_json(path, {key: log[key] for key in ("started", "seconds")} | {name: value})
    called = "sympy" if name == "versions" else name
    one, other = ("1.13", "1.14") if name == "versions" else FACTS[name]
    found = between(stamps(load("tiny", root)), *ARMS)
    assert found == (("train", (f"{called}: {one} / {other}",)),)


def test_a_copy_for_the_noise_floor_is_no_circumstance_of_an_arm(tmp_path: Path) -> None:
    layout = Copied(tmp_path / "repo", {"retrain": (1, 2)}).write()
    for path in layout.store.glob("*-retrain-1/log/run.json"):
        log = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, {**log, "gpu": "another", "versions": {"torch": "older"}})
    results = load("tiny", layout.root)
    assert "machine" in (noise_floor(results) or pytest.fail("no floor")).varied
    found = stamps(results)
    assert between(found, *results.index.arms) == ()
    evaluations = [stamp.stages for stamp in found if stamp.kind == "train"]
    assert evaluations == [6], "three iterations of two arms, and no copy"


def test_stages_of_which_one_runs_a_model_and_one_does_not_differ_in_nothing() -> None:
    """An engine that computes notes no device, beside one whose teacher runs here."""
    every = (("python", "3.11"),)
    bare = Stamp(kind="generate", facts=every, arms=("a",), stages=1)
    here = Stamp(kind="generate", facts=(("device", "cpu"), *every), arms=("b",), stages=1)
    there = Stamp(kind="generate", facts=(("device", "gpu"), *every), arms=("b",), stages=1)
    assert between((bare, here), "a", "b") == ()
    assert between((bare, here, there), "a", "b") == (("generate", ("device: cpu / gpu",)),)
