"""Fixtures: a small spec, repositories to run it in, and the command line as a user calls it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.store.locks import held

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

TINY = """\
version: 1
name: tiny
description: A spec small enough for a test.
task:
  kind: math
  sources:
    problems:
      kind: reasoning-gym
      families:
        sum: {dataset: chain_sum, config: {min_terms: 2, max_terms: 2, min_digits: 1, max_digits: 1}}
        lcm: {dataset: lcm, config: {min_numbers: 2, max_numbers: 2, min_value: 1, max_value: 30}}
  score: {kind: reasoning-gym}
  splits:
    test: {from: problems, draw: {per_group: 6}}
    selection: {from: problems, draw: {per_group: 4}}
    feedback: {from: problems, draw: {per_group: 8}, show: 0.25}
student:
  model:
    kind: scratch
    hidden_size: 32
    intermediate_size: 64
    layers: 1
    heads: 2
    pretrain: {source: problems, examples: {sum: 60}, length: {steps: 6}, learning_rate: 2e-3, batch_size: 16}
  train: {length: {steps: 6}, learning_rate: 1e-3, batch_size: 16, max_length: 64, dtype: float32}
  generate: {dtype: float32, max_new_tokens: 5}
  prompt: {template: prompts/tiny.j2}
teachers:
  generator: {kind: procedural, source: problems}
environment: skill-list
skills: {discover: {kind: gold}}
agent:
  observe: {scores: true, yield: true, errors: 1}
  policy: {kind: allocate, power: 1.0, floor: 0.2}
  engine: {kind: procedural, teacher: generator, oversample: 2}
  checks: {scorable: {action: reject}, duplicate: {action: reject}, overlap: {action: reject}}
loop:
  iterations: 2
  teach: {examples: 30, of: accepted, refill: 1}
arms:
  with-state: {}
  no-state: {agent: {observe: nothing}}
analysis:
  contrasts: [{arm: with-state, against: no-state, student: best, split: test, primary: true}]
"""
TEMPLATE = '{{ group }} {{ metadata.expression if group == "sum" else metadata.numbers | join(" ") }} ='


def environment(**more: str) -> dict[str, str]:
    """The environment of a user who has activated this one; offline, without tracking unless a test asks for it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DATAENVGYM_"))}
    given = {"PATH": f"{BIN}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1", "DATAENVGYM_TRACK": "0", "COLUMNS": "160"}
    return {**kept, **given, **more}


def call(*command: str, cwd: Path, ok: bool = True, timeout: float = 400, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a program as a user would."""
    result = subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=timeout, check=False)
    if ok and result.returncode:
        raise AssertionError(f"{' '.join(command)} exited {result.returncode}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")
    return result


def new_repo(path: Path, spec: str = TINY) -> Path:
    """A git and DVC repository with one spec."""
    path.mkdir(parents=True, exist_ok=True)
    call("git", "init", "-q", "-b", "main", cwd=path)
    call("git", "config", "user.name", "A", cwd=path)
    call("git", "config", "user.email", "a@example.com", cwd=path)
    call("dvc", "init", "-q", cwd=path)
    call("dataenvgym", "doctor", "--fix", cwd=path, ok=False)
    (path / "specs" / "prompts").mkdir(parents=True)
    (path / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
    (path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    return path


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A fresh repository with the small spec, not yet compiled."""
    return new_repo(tmp_path / "repo")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the small spec was reproduced once. Not to be changed; copy it."""
    base = tmp_path_factory.getbasetemp()
    # Workers of pytest-xdist have neighbouring folders: the first one here makes the repository for all.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    path = folder / "repo"
    with held(folder.with_suffix(".lock"), waiting=lambda _: None):
        if not (folder / "repro.txt").exists():
            new_repo(path)
            call("dataenvgym", "compile", cwd=path)
            call("git", "add", "-A", cwd=path)
            call("git", "commit", "-qm", "compiled", cwd=path)
            result = call("dvc", "repro", "tiny", cwd=path, timeout=600)
            (folder / "repro.txt").write_text(result.stdout, encoding="utf-8")
    return path


@pytest.fixture
def copy_of_finished(finished: Path, tmp_path: Path) -> Path:
    """A private copy of the finished repository."""
    target = tmp_path / "copy"
    shutil.copytree(finished, target, symlinks=True)
    return target


@pytest.fixture
def dataenvgym(repo: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls the command line in the fresh repository, whatever it exits with."""
    return lambda *arguments, **more: call("dataenvgym", *arguments, cwd=repo, ok=False, **more)
