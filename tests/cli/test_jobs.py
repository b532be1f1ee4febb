"""`dataenvgym run --jobs`: real drivers and real DVC, with stub executors; what runs once, what a failure, a pause, Ctrl-C and a kill leave behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from dataenvgym_spec.store.locks import holder
from tests.support.repositories import call
from tests.support.runs import planned
from tests.support.stubs import ONE, TWO, at_work, driver, new_sweep, ran, stub_path
from tests.support.waiting import HANG, wait_until


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_sweep(tmp_path_factory.mktemp("prepared")).parent


@pytest.fixture
def sweep(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared, tmp_path / "clone", symlinks=True)
    return tmp_path / "clone" / "repo"


OTHER = """\
version: 1
name: other
extends: tiny.yaml
matrix: null
student: {train: {learning_rate: 3e-3}}
"""


def run(repo: Path, *arguments: str, code: int = 0, names: Sequence[str] = ("tiny",)) -> str:
    """A run of all with three jobs; returns what it said."""
    process = driver(repo, "run", *names, "--jobs", "3", *arguments)
    said = process.communicate(timeout=HANG)[0]
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


def act(repo: Path, how: str) -> None:
    (repo / "act").write_text(how, encoding="utf-8")


def left(repo: Path) -> set[str]:
    """What is still to be done."""
    rows = planned(repo, ONE) + planned(repo, TWO)
    return {row["directory"] or "report" for row in rows if row["action"] != "reuse"}


def locks(repo: Path) -> dict[str, str]:
    """What DVC has recorded."""
    paths = [*repo.glob("store/*/dvc.lock"), *repo.glob("experiments/*/dvc.lock")]
    return {str(path.relative_to(repo)): path.read_text(encoding="utf-8") for path in paths}


def test_a_sweep_side_by_side_is_what_dvc_makes_of_it(sweep: Path, tmp_path: Path) -> None:
    """And a second spec, in the same queue."""
    (sweep / "specs" / "other.yaml").write_text(OTHER, encoding="utf-8")
    names = ("tiny", "other")
    said = run(sweep, names=names)
    lines = ran(sweep)
    stages = [line.split()[1] for line in lines]
    count = len(list((sweep / "store").iterdir()))
    assert f"tiny, other: 3 experiments, {count + 3} steps to do, 0 done already" in said
    # What several need is run once, and whatever comes of it reads what is there.
    assert sorted(stages) == sorted(
        [*(path.name for path in (sweep / "store").iterdir()), *3 * ["report"]]
    )
    assert f"{ONE}: report: started" in said
    assert f"({count + 3}/{count + 3})" in said
    assert said.count("git add ") == 1
    state = json.loads((sweep / ".dataenvgym" / "run.json").read_text(encoding="utf-8"))
    assert (state["done"], state["total"], state["ended"]) == (count + 3, count + 3, "done")
    assert "Running stage" in (sweep / ".dataenvgym" / "output" / f"report-{ONE}.txt").read_text(
        encoding="utf-8"
    )

    # Plain DVC agrees, and has nothing to do.
    assert "up to date" in call("dvc", "status", cwd=sweep).stdout
    entries = ["other", *(f"experiments/{name}/dvc.yaml:{name}" for name in (ONE, TWO))]
    assert "up to date" in call("dvc", "repro", *entries, cwd=sweep).stdout
    assert f"0 steps to do, {count + 3} done already" in run(sweep, names=names)
    assert ran(sweep) == []

    # In one process it makes the same.
    shutil.copytree(sweep.parent, tmp_path / "plain", symlinks=True)
    plain = tmp_path / "plain" / "repo"
    before = locks(plain)
    for path in (*plain.glob("store/*/*"), *plain.glob("experiments/*/dvc.lock")):
        if path.name in ("out", "log"):
            shutil.rmtree(path)
        elif path.name == "dvc.lock":
            path.unlink()
    shutil.rmtree(plain / ".dvc" / "cache")
    call("dvc", "repro", *entries, cwd=plain, **stub_path(plain))
    assert len(ran(plain)) == count + 3
    assert locks(plain) == before


@pytest.mark.slow
def test_a_failure_stops_what_depends_on_it(sweep: Path) -> None:
    act(sweep, f"fail {ONE}/(train|evaluate)-")
    call("dataenvgym", "compile", cwd=sweep)
    own = {row["key"] for row in planned(sweep, ONE)} - {row["key"] for row in planned(sweep, TWO)}
    trained = next(
        row["directory"]
        for row in planned(sweep, ONE)
        if row["key"] in own and row["kind"] == "train"
    )
    act(sweep, f"fail {trained}")
    said = run(sweep, code=1)
    assert "= help: mend it" in said
    assert f"all that it said: .dataenvgym/output/{trained}.txt" in said
    assert said.strip().splitlines()[-2] == f"error: '{ONE}' did not finish"
    # The other one is done.
    assert {row["action"] for row in planned(sweep, TWO)} == {"reuse"}
    assert trained in left(sweep)

    (sweep / "act").unlink()
    assert f"{len(left(sweep))} steps to do" in run(sweep)
    assert left(sweep) == set()


def test_keep_going_does_all_that_does_not_depend_on_a_failure(sweep: Path) -> None:
    act(sweep, "fail /evaluate-")
    run(sweep, "--keep-going", code=1)
    failed = [line.split()[1] for line in ran(sweep) if "evaluate-" in line]
    # All base evaluations were tried, and nothing behind them.
    assert len(failed) == len(set(failed)) > 1
    assert not any(
        path.name.startswith("train-") and (path / "out").exists()
        for path in (sweep / "store").iterdir()
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", ["die", "lose"])
def test_a_killed_stage_is_tried_again_where_that_is_asked_for(sweep: Path, how: str) -> None:
    """Be it the stage itself that was killed, or what it works with."""
    act(sweep, f"{how} /data-")
    said = run(sweep, "--retry", "1")
    assert "ended by a fault of the machine, tried again" in said
    assert left(sweep) == set()
    for path in sweep.glob("*.died"):
        path.unlink()
    shutil.rmtree(sweep / ".dvc" / "cache")
    assert "did not finish" in run(sweep, code=1)


@pytest.mark.slow
def test_a_pause_of_one_experiment_stops_no_other(sweep: Path) -> None:
    """What the first would have paid for, the next one pays for."""
    act(sweep, f"pause {ONE}/reserve-")
    said = run(sweep, code=3)
    lines = ran(sweep)
    reserved = [line.split()[0] for line in lines if "reserve-" in line]
    assert reserved == [ONE, TWO]
    assert {row["action"] for row in planned(sweep, TWO)} == {"reuse"}
    assert "error: it is broken" in said
    assert left(sweep)
    (sweep / "act").unlink()
    run(sweep)
    assert left(sweep) == set()


@pytest.mark.slow
def test_what_colleagues_have_made_is_fetched(sweep: Path, tmp_path: Path) -> None:
    run(sweep)
    ran(sweep)
    call("git", "add", "-A", cwd=sweep)
    call("git", "commit", "-qm", "done", cwd=sweep)
    call("dvc", "remote", "add", "-d", "there", str(tmp_path / "there"), cwd=sweep)
    call("dvc", "push", "-q", cwd=sweep)
    call("git", "clone", "-q", str(sweep), str(tmp_path / "other" / "repo"), cwd=tmp_path)
    other = tmp_path / "other" / "repo"
    shutil.copytree(sweep.parent / "bin", other.parent / "bin")
    shutil.copy(sweep / ".dvc" / "config", other / ".dvc" / "config")
    said = run(other, "--pull")
    assert f"fetch {len(list((sweep / 'store').iterdir()))} results: done" in said
    assert ran(other) == []
    assert left(other) == set()


def hanging(repo: Path, how: str) -> tuple[subprocess.Popen[str], int]:
    """A run with a stage that waits for ever; the run, and the process of the stage."""
    act(repo, f"{how} /student-")
    process = driver(repo, "run", "tiny", "--jobs", "3")
    wait_until(lambda: any(file.read_text() for file in repo.glob("*.hangs")), "the stage", process)
    return process, int(next(repo.glob("*.hangs")).read_text(encoding="utf-8"))


def goes_on(repo: Path) -> None:
    """The next run finishes, and makes nothing twice that was done."""
    wait_until(lambda: not at_work(repo), "nobody works here")
    (repo / "act").unlink()
    done = {path.parent.name for path in repo.glob("store/*/dvc.lock")}
    ran(repo)
    run(repo)
    assert done.isdisjoint(line.split()[1] for line in ran(repo))
    assert left(repo) == set()


def test_ctrl_c_ends_what_runs(sweep: Path) -> None:
    process, _ = hanging(sweep, "hang")
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=HANG)[0]
    assert process.returncode == 130, said
    assert "ending what runs" in said
    assert said.count("interrupted") == 1 and "Traceback" not in said
    assert "make the base student: stopped\n" in said and "failed" not in said
    state = json.loads((sweep / ".dataenvgym" / "run.json").read_text(encoding="utf-8"))
    assert state["ended"] == "stopped" and "failed" not in state
    goes_on(sweep)


@pytest.mark.slow
def test_ctrl_c_twice_ends_it_at_once(sweep: Path) -> None:
    process, _ = hanging(sweep, "deaf")
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout is not None
    heard = next(line for line in process.stdout if "ending what runs" in line)
    assert "Ctrl-C again" in heard
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=HANG)[0]
    assert process.returncode == 130, said
    goes_on(sweep)


@pytest.mark.slow
def test_a_killed_driver_takes_all_with_it(sweep: Path) -> None:
    process, stage = hanging(sweep, "hang")
    works = set(at_work(sweep))
    assert {process.pid, stage} < works
    process.kill()
    process.wait()
    # A stage ends with DVC by itself; the stub need not.
    wait_until(lambda: set(at_work(sweep)) <= {stage}, "the end of all that it had started")
    with suppress(ProcessLookupError):
        os.kill(stage, signal.SIGKILL)
    assert holder(sweep / ".dataenvgym" / "locks" / "run.lock") is None
    goes_on(sweep)


@pytest.mark.parametrize("wrong", ["0", "-1", "many", pytest.param("9" * 5000, id="5000-digits")])
def test_a_wrong_number_of_jobs(sweep: Path, wrong: str) -> None:
    said = call("dataenvgym", "run", "tiny", "--jobs", wrong, cwd=sweep, ok=False).stderr
    assert "at least 1" in said
