"""Tool use from end to end: the spec of the library, small; and as it stands, where its student learns."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

from dataenvgym_spec import load
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.results.evidence.statistics import paired
from dataenvgym_spec.results.notebook import Notebook
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import ROOT, call, environment, new_repo
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
    repo = new_repo(tmp_path / "repo")
    shutil.rmtree(repo / "specs")
    shutil.copytree(ROOT / "specs", repo / "specs")
    return repo


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


@pytest.mark.slow
def test_a_student_learns_to_call_the_tools_that_it_is_taught(shelf: Path) -> None:
    """By `dvc repro`: better than untaught, and than one that is taught other tools, in each run."""
    call("dataenvgym", "compile", "specs/library/tools.yaml", cwd=shelf)
    call("dvc", "repro", "tools", cwd=shelf, timeout=7200)
    gains = learned(load("tools", root=shelf))
    assert len(gains) == 3 and all(low > 0 for low, _ in gains.values()), gains
    # What is taught of other tools does not carry over.
    assert all(high < 0.1 for _, high in gains.values()), gains


def learned(results: Notebook) -> dict[int, tuple[float, float]]:
    """By run: the lower end of the gain's interval, and the control's accuracy."""
    last: dict[tuple[str, int], list[Result]] = {}
    for run in results.runs:
        last[run.arm, run.seed] = run.sealed("last")
        base = run.sealed("base")
    found = {}
    clusters = {row.id: row.cluster or row.id for row in base}
    for seed in {run.seed for run in results.runs}:
        taught, control = last["taught", seed], last["taught-others", seed]
        lows = [
            paired(right(taught), right(other), clusters).difference.low
            for other in (base, control)
        ]
        share = sum(row.correct for row in control) / len(control)
        found[seed] = (min(lows), share)
    return found


def right(rows: list[Result]) -> dict[str, bool]:
    return {row.id: row.correct for row in rows}
