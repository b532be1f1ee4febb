"""A repository in which all is done but a training, and what comes after it."""

from __future__ import annotations

from pathlib import Path

from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL

LONG = SMALL.replace("train: {length: {steps: 6}", "train: {length: {steps: 60}")


def half_done(folder: Path) -> tuple[Path, str]:
    """A repository, and the directory of the stage that trains."""
    repo = new_repo(folder, SMALL)
    call("dataenvgym", "compile", cwd=repo)
    call("dvc", "repro", "tiny", cwd=repo, apart=True, OMP_NUM_THREADS="1")
    before = {*(repo / "store").glob("train-*")}
    (repo / "specs" / "tiny.yaml").write_text(LONG, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    (train,) = {*(repo / "store").glob("train-*")} - before
    return repo, train.name


def works_on(repo: Path, train: str) -> Path:
    """Where a machine that sees the repository keeps what it works on in a stage."""
    return repo / ".dataenvgym" / "nodes" / train / ".dataenvgym" / "scratch" / train / "work"
