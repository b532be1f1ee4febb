"""`plan` says what `dvc repro` then does: after random edits of specs, prompts, workspace, locks, caches, remote and clones."""

import dataclasses
from pathlib import Path

import pytest

from dataenvgym_spec.graph import component
from tests.support.laboratory import DOES, Laboratory
from tests.support.repositories import call


def run(laboratory: Laboratory, edits: int) -> None:
    laboratory.compare("the beginning")
    for _ in range(edits):
        what = laboratory.edit()
        pull = laboratory.remote.is_dir() and laboratory.random.random() < 0.4
        name = laboratory.random.choice(laboratory.experiments())
        print(what, name, "--pull" if pull else "", flush=True)
        laboratory.compare(what, name, pull=pull)
    print(dict(laboratory.seen))


def fetch(laboratory: Laboratory) -> None:
    """Everything is in the remote, and in a fresh clone nothing."""
    call("dvc", "push", "-q", "--run-cache", cwd=laboratory.repo, ok=False)
    laboratory.leave()
    laboratory.compare("pushed, and cloned", pull=True)
    assert laboratory.seen["restore from the remote"] > 10


def stop(laboratory: Laboratory) -> None:
    """Other students until one makes the gate say stop; then everything of an iteration is lost until it is the one that is passed through."""
    while not laboratory.stopped():
        laboratory.spec["student"]["train"]["learning_rate"] *= 2
        laboratory.write()
        laboratory.compare("another learning rate")
    while not laboratory.seen["pass"]:
        laboratory.compare(laboratory.lose_an_iteration())


def test_a_few_edits(tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, seed=1)
    run(laboratory, 3)
    fetch(laboratory)
    assert {"run", "reuse", "restore"} <= {*laboratory.seen}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_many_edits(tmp_path: Path, seed: int) -> None:
    laboratory = Laboratory(tmp_path, seed=100 + seed)
    run(laboratory, 18)
    fetch(laboratory)
    assert {"run", "reuse", "restore"} <= {*laboratory.seen}
    assert laboratory.seen["maybe"] < 0.1 * sum(laboratory.seen[action] for action in DOES)


@pytest.mark.slow
def test_many_edits_of_a_loop_that_can_stop(tmp_path: Path) -> None:
    laboratory = Laboratory(tmp_path, seed=300, iterations=3, stop={"patience": 1})
    laboratory.compare("the beginning")
    stop(laboratory)
    run(laboratory, 18)
    fetch(laboratory)
    assert {"run", "reuse", "restore", "pass", "maybe"} <= {*laboratory.seen}


@pytest.mark.slow
def test_many_edits_with_a_teacher_that_promises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = component.definition
    monkeypatch.setattr(
        component,
        "definition",
        lambda slot, kind: dataclasses.replace(known(slot, kind), promise=None),
    )
    laboratory = Laboratory(tmp_path, seed=200, teacher_varies=True)
    run(laboratory, 18)
    # Whether a random edit lost any depends on digests of logs, which hold times.
    laboratory.compare(laboratory.lose_candidates())
    fetch(laboratory)
    assert {"run", "reuse", "restore", "maybe"} <= {*laboratory.seen}
