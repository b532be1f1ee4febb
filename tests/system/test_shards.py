"""Evaluations that several processes share, by real executors: the bytes are those of `dvc repro` in one process."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.store.dvc.state import hash_of
from tests.support.commands import BIN, environment
from tests.support.repositories import call, new_repo, share
from tests.support.specs import SMALL, TAUGHT, merged, plain
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

SPEC = yaml.safe_dump(
    merged(
        plain(SMALL),
        {"student": {"generate": {"batch_size": 2}}, "seeds": {"run": [0]}},
    ),
    sort_keys=False,
)
PROFILE = "evaluation: {shards: 3, min_batches: 1}\n"


def results(repo: Path) -> dict[str, str | None]:
    """The hashes of all ports."""
    return {
        str(path.relative_to(repo)): hash_of(path) for path in sorted(repo.glob("store/*/out/*"))
    }


def logs(repo: Path) -> list[dict[str, object]]:
    """The logs of all evaluations."""
    found = sorted(repo.glob("store/evaluate-*/log/run.json"))
    return [dict(read_json(path)) for path in found]


def test_the_bytes_are_those_of_one_process_though_a_shard_is_killed(tmp_path: Path) -> None:
    shared, whole = new_repo(tmp_path / "shared", SPEC), new_repo(tmp_path / "whole", SPEC)
    (shared / "hardware.yaml").write_text(PROFILE, encoding="utf-8")
    command = [str(BIN / "dataenvgym"), "run", "tiny", "--jobs", "2", "--retry", "1"]
    log = tmp_path / "log"
    own = environment(shared=False, OMP_NUM_THREADS="1", DATAENVGYM_WARM="0")
    with log.open("wb") as out:
        run = subprocess.Popen(command, cwd=shared, env=own, stdout=out, stderr=out)
    # The first shard that is seen at work is killed; the others' answers are kept.
    victim: list[int] = []
    wait_until(lambda: victim.extend(shards_at_work(shared)) or victim, "a shard runs", run)
    os.kill(victim[0], signal.SIGKILL)
    assert run.wait(1000) == 0, log.read_text(encoding="utf-8")
    said = log.read_text(encoding="utf-8")
    assert "shard 1 of 3" in said and "tried again" in said
    assert "up to date" in call("dvc", "status", cwd=shared).stdout
    assert "Running stage" not in call("dvc", "repro", "tiny", cwd=shared).stdout
    assert not list(shared.glob(".dataenvgym/scratch/*.shards")), "what is merged is not kept"
    assert {log.get("shards") for log in logs(shared)} == {3}

    call("dataenvgym", "compile", cwd=whole)
    call("dvc", "repro", "tiny", cwd=whole, apart=True, OMP_NUM_THREADS="1")
    assert results(shared) == results(whole)
    assert {log.get("shards") for log in logs(whole)} == {None}


def test_a_teacher_in_a_stage_is_asked_by_several_processes(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", yaml.safe_dump(TAUGHT, sort_keys=False))
    (repo / "hardware.yaml").write_text("generation: {shards: 2, min_batches: 1}\n", "utf-8")
    command = ["dataenvgym", "run", "tiny", "--jobs", "2"]
    # Other tests have asked the same student, and what their stages know would be reused.
    own = {"DATAENVGYM_JOURNAL": str(tmp_path / "journal"), "OMP_NUM_THREADS": "1"}
    said = call(*command, cwd=repo, apart=True, **own).stdout
    assert "generate, shard 1 of 2" in said and "generate, shard 2 of 2" in said
    (path,) = repo.glob("store/generate-*/log/run.json")
    log = Log.parse(read_json(path))
    assert log.shards == 2 and log.device == "cpu" and log.teachers
    ((_, used),) = log.teachers.items()
    # What shards asked is this stage's own, and it asked the same only once.
    assert used.replayed >= 30 * 8 and used.reused == 0
    assert used.requests == sum(used.finishes.values())
    assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout


def test_of_two_clones_one_makes_the_shards_and_the_other_takes_the_result(tmp_path: Path) -> None:
    said = []
    for name in ("mine", "theirs"):
        repo = new_repo(tmp_path / name / "repo", SPEC)
        share(repo, tmp_path, PROFILE)
        call("dataenvgym", "run", "tiny", "--jobs", "2", cwd=repo, apart=True)
        outputs = sorted((repo / ".dataenvgym" / "output").glob("*.txt"))
        said.append("\n".join(path.read_text(encoding="utf-8") for path in outputs))
    assert "has published the result" not in said[0] and "shard 1-of-3" in said[0]
    shared = [text.count(": shard ") for text in said]
    assert said[1].count("has published the result") == shared[1] == shared[0] > 0
    assert "it was made by" in said[1]
    assert results(tmp_path / "mine" / "repo") == results(tmp_path / "theirs" / "repo")


def shards_at_work(repo: Path) -> list[int]:
    """The processes that do shards in a repository."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
            inside = (path / "cwd").readlink().is_relative_to(repo)
        except OSError:
            continue
        if "shard" in words and inside:
            found.append(int(path.name))
    return found
