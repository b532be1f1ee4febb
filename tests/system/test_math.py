"""Mathematics, the whole way: a student from scratch is taught worked solutions and learns to solve problems."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.results.experiment import load
from tests.support.learning import over_arm, over_base, require_learned
from tests.support.repositories import ROOT, call, new_repo

SEEDS = (0, 1, 2)
SMALL: dict[str, Any] = {
    "version": 1,
    "name": "small-word-problems",
    "extends": "library/word-problems.yaml",
    "task": {
        "splits": {
            "test": {"draw": {"per_group": 2}},
            "selection": {"draw": {"per_group": 1}},
            "feedback": {"draw": {"per_group": 2}, "show": 0.5},
        }
    },
    "student": {
        "model": {"hidden_size": 32, "intermediate_size": 64, "layers": 1, "heads": 2},
        "train": {"length": {"steps": 4}, "batch_size": 16},
        "generate": {"max_new_tokens": 4},
    },
    "loop": {"teach": {"examples": 12}},
    "arms": {"answer-alone": None},
    "seeds": {"run": 0},
    "analysis": {"contrasts": []},
}


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A repository with the specs that are shipped."""
    repo = new_repo(tmp_path / "repo")
    shutil.rmtree(repo / "specs")
    shutil.copytree(ROOT / "specs", repo / "specs")
    return repo


@pytest.mark.slow
def test_a_student_learns_to_solve_word_problems(shelf: Path) -> None:
    """Against the untaught student, and against one that is taught other stories as long."""
    name = "word-problems"
    call("dataenvgym", "compile", f"specs/library/{name}.yaml", cwd=shelf)
    call("dvc", "repro", name, cwd=shelf, timeout=3000, apart=True)
    results = load(name, root=shelf)
    require_learned(over_base(results, "worked"), SEEDS)
    require_learned(over_arm(results, "worked", "something-else"), SEEDS)


def test_what_is_taught_is_the_reasoning_and_what_is_judged_the_answer(shelf: Path) -> None:
    """The same spec at a small size, to its end."""
    spec = shelf / "specs" / "small.yaml"
    spec.write_text(yaml.safe_dump(SMALL, sort_keys=False), encoding="utf-8")
    call("dataenvgym", "compile", "specs/small.yaml", cwd=shelf)
    call("dvc", "repro", SMALL["name"], cwd=shelf, timeout=900, apart=True)
    results = load(SMALL["name"], root=shelf)
    assert all(stage.done for stage in results.stages)
