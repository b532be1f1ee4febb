"""The specs of `specs/library/paper`: locked against a hub of the tests' own, and what they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.language.spec import Experiment
from tests.support.hub import serving
from tests.support.repositories import ROOT, call

PAPER = ROOT / "specs" / "library" / "paper"
ENVIRONMENTS = ("open-ended", "skill-list", "skill-tree")
KINDS = ("faithful", "corrected")
NAMES = sorted(f"{environment}-{kind}" for environment in ENVIRONMENTS for kind in KINDS)
Arms = dict[str, dict[str, Experiment]]
COMMITS = {
    ("datasets", "EleutherAI/hendrycks_math", "main"): "a" * 40,
    ("models", "google/gemma-2-2b-it", "main"): "b" * 40,
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the specs, and what `dataenvgym lock` wrote of a hub on this machine."""
    folder = tmp_path_factory.mktemp("paper")
    (folder / "repo" / ".dvc").mkdir(parents=True)
    repo = folder / "repo"
    shutil.copytree(PAPER, repo / "specs" / "library" / "paper")
    paths = [f"specs/library/paper/{name}.yaml" for name in NAMES]
    with serving(COMMITS) as hub:
        call("dataenvgym", "lock", *paths, cwd=repo, **hub.reach(folder / "home"))
        assert {*hub.asked} == {*COMMITS}
    return repo


@pytest.fixture(scope="module")
def arms(repo: Path) -> Arms:
    """The arms of each spec, complete. What they compile to is looked at beside their page."""
    paths = [repo / "specs" / "library" / "paper" / f"{name}.yaml" for name in NAMES]
    specs = front_end(paths, root=repo)
    return {
        name: {arm.name: arm.experiment for arm in spec.arms}
        for name, spec in zip(NAMES, specs, strict=True)
    }


def test_there_are_six() -> None:
    assert sorted(path.stem for path in PAPER.glob("*.yaml")) == NAMES


def test_no_revision_is_invented() -> None:
    """Which commits the paper used is not known; a spec says so, and the lock of a user pins what is there."""
    texts = [path.read_text(encoding="utf-8") for path in PAPER.rglob("*") if path.is_file()]
    assert sum(text.count("revision: main") for text in texts) == 3
    assert sum(text.count("revision:") for text in texts) == 3


def test_the_lock_pins_all(repo: Path) -> None:
    lock = json.loads(next((repo / "specs").rglob("dataenvgym.lock.json")).read_text("utf-8"))
    assert lock["hub"]["model"] == {"google/gemma-2-2b-it": {"main": "b" * 40}}
    assert lock["hub"]["dataset"] == {"EleutherAI/hendrycks_math": {"main": "a" * 40}}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_protocols_differ_and_the_setting_does_not(environment: str, arms: Arms) -> None:
    faithful = arms[f"{environment}-faithful"]["with-state"]
    corrected = arms[f"{environment}-corrected"]["with-state"]
    for experiment in (faithful, corrected):
        adapter = {"kind": "lora", "r": 16, "alpha": 32, "dropout": 0.05}
        assert experiment.student.train.adapter == adapter
        assert (experiment.loop.train_on, experiment.loop.start_from) == ("all", "base")
        assert [*experiment.baselines] == ["four-shot"]
    assert faithful.task.splits.selection.same_as == "feedback"
    assert corrected.task.splits.selection.same_as is None
    assert actions(faithful) == {"record"} and actions(corrected) == {"reject"}
    assert faithful.seeds.run == 0 and corrected.seeds.run == [0, 1, 2]


def actions(experiment: Experiment) -> set[str]:
    """What the checks do with an example that they object to."""
    return {check["action"] for check in experiment.agent.checks.values()}


def test_the_tree_of_the_paper_is_rewarded_as_there(arms: Arms) -> None:
    faithful, corrected = (arms[f"skill-tree-{kind}"]["with-state"].environment for kind in KINDS)
    assert (faithful["gain"], corrected["gain"]) == ("plain", "paired")
