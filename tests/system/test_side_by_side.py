"""A small study with two arms, side by side by real executors: the bytes are those of `dvc repro` in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.store.dvc.state import hash_of
from tests.support.repositories import call, new_repo
from tests.support.waiting import wait_until


def results(repo: Path) -> dict[str, str | None]:
    """The hashes of all ports; the report's page shows timings and is left out."""
    return {
        str(path.relative_to(repo)): hash_of(path) for path in sorted(repo.glob("store/*/out/*"))
    }


@pytest.mark.slow
def test_the_bytes_are_those_of_one_process(tmp_path: Path) -> None:
    beside, plain = new_repo(tmp_path / "beside"), new_repo(tmp_path / "plain")
    command = ["dataenvgym", "run", "tiny", "--jobs", "3"]
    said = call(*command, cwd=beside, apart=True).stdout
    assert "tiny: 43 steps to do, 0 done already" in said
    assert "(43/43)" in said
    assert "up to date" in call("dvc", "status", cwd=beside).stdout
    assert "up to date" in call("dvc", "repro", "tiny", cwd=beside).stdout

    call("dataenvgym", "compile", cwd=plain)
    call("dvc", "repro", "tiny", cwd=plain)
    assert results(beside) == results(plain)
    assert len(results(plain)) > 40


@pytest.mark.slow
def test_iterations_are_tracked_while_others_run(tmp_path: Path) -> None:
    """By stages that end side by side, each in a process of its own, into one database."""
    repo = new_repo(tmp_path / "repo")
    command = ["dataenvgym", "run", "tiny", "--jobs", "3"]
    call(*command, cwd=repo, apart=True, DATAENVGYM_TRACK="1")
    verify = ["dataenvgym", "track", "--verify", "tiny"]
    wait_until(lambda: not call(*verify, cwd=repo, ok=False).returncode, "all to be tracked")
    said = (repo / ".dataenvgym" / "track.log").read_text(encoding="utf-8")
    assert said.count("tiny: ") > 1  # while it ran, and not only in the end
    assert "Traceback" not in said
