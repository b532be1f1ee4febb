"""Tool use from end to end: the spec of the library, small. As it stands it is in `tests/test_learning.py`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

from dataenvgym_spec import load
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.store.layout import Layout
from tests.support.learning import with_library
from tests.support.repositories import call, environment
from tests.support.training import warm_trainers

SMALL = {
    "version": 1,
    "name": "small-tools",
    "extends": "library/tools.yaml",
    "task": {
        "splits": {
            "test": {"draw": {"per_group": 1}},
            "selection": {"draw": {"per_group": 1}},
            "feedback": {"draw": {"per_group": 2}},
        }
    },
    "student": {
        "model": {
            "hidden_size": 32, "intermediate_size": 64, "layers": 1, "heads": 2,
            "pretrain": {"examples": {"one": 30, "chain": None}, "length": {"steps": 4}, "batch_size": 16},
        },
        "train": {"length": {"steps": 4}, "batch_size": 16},
        "generate": {"max_new_tokens": 4},
    },
    "agent": {"checks": {"calls": {"action": "reject"}}},
    "loop": {"iterations": 1, "teach": {"examples": 8, "refill": 0}},
    "arms": {"taught-others": None},
    "seeds": {"run": 0},
    "analysis": {"contrasts": []},
}  # fmt: skip


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A repository with the specs that are shipped."""
    return with_library(tmp_path / "repo")


def test_requests_go_the_whole_way(shelf: Path) -> None:
    """Taught are calls, with the tools that they were chosen from; what a student says is judged, and counted if it is no call."""
    path = shelf / "specs" / "small-tools.yaml"
    path.write_text(yaml.safe_dump(SMALL, sort_keys=False), encoding="utf-8")
    call("dataenvgym", "compile", "specs/small-tools.yaml", cwd=shelf)
    with warm_trainers(shelf), patch.dict(os.environ, environment()):
        for stage in load("small-tools", root=shelf).stages:
            run_stage(Layout(root=shelf), stage.path.name)
    results = load("small-tools", root=shelf)
    (run,) = results.runs
    examples = run.iterations[1].accepted
    assert len(examples) == 8
    for example in examples:
        named = {tool.name for tool in example.tools}
        called = {made["name"] for made in json.loads(example.target)}
        assert called and called <= named and set(example.verifier["functions"]) == named
    tested = run.sealed("last")
    assert len(tested) == 2 and not any(row.correct for row in tested)
    assert all(row.tools for row in tested)
