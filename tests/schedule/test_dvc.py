"""A run of one experiment of a sweep: real DVC, stage by stage; only the executor is replaced, by one that makes what a stage promises."""

import json
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import patch

import pytest
from dvc.lock import DEFAULT_TIMEOUT

from dataenvgym_spec.core.running import announced, current
from dataenvgym_spec.schedule import dvc as stepwise
from dataenvgym_spec.schedule.dvc import MOST, batches
from dataenvgym_spec.store.dvc import programs
from tests.support.repositories import BIN, call, new_repo
from tests.support.runs import planned
from tests.support.specs import TINY

MATRIX = "matrix: {student.train.learning_rate: [1e-3, 2e-3]}\n"
POINT = "tiny-learning_rate-0_001"
OTHER = "tiny-learning_rate-0_002"
EXECUTOR = """\
import os, re, sys
from pathlib import Path

root = Path(os.environ["DVC_ROOT"])
with (root / "ran.txt").open("a") as file:
    print(os.environ.get("DATAENVGYM_RUN", ""), *sys.argv[2:], Path.cwd().name, file=file)
if (root / "broken").exists() and os.environ["DATAENVGYM_RUN"].endswith((root / "broken").read_text()):
    sys.exit(1)
if len(sys.argv) > 2:
    pages = ("examples/index.html", "index.html")
    for name in (*pages, "metrics.json", "headline.json", "curves.csv", "curves/test/a.csv"):
        path = root / "reports" / sys.argv[2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}" if path.suffix == ".json" else "iteration,accuracy\\n0,1\\n")
else:
    for out in re.findall(r"^    - ((?:out/|log).*)$", Path("dvc.yaml").read_text(), re.M):
        Path(out).mkdir(parents=True)
        salt = (root / "salt").read_text() if (root / "salt").exists() else ""
        (Path(out) / "result.json").write_text(Path("stage.json").read_text() + salt)
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """A small sweep, compiled, and beside the repository the other executor."""
    text = (
        TINY.replace("iterations: 2", "iterations: 1")
        .replace("refill: 1", "refill: 0")
        .replace("  no-state: {agent: {observe: nothing}}\n", "")
    )
    repo = new_repo(tmp_path / "repo", text.partition("analysis:")[0] + MATRIX)
    call("dataenvgym", "compile", cwd=repo)
    (tmp_path / "dataenvgym").write_text(f"#!{sys.executable} -S\n{EXECUTOR}", encoding="utf-8")
    (tmp_path / "dataenvgym").chmod(0o755)
    return repo


def run(repo: Path, name: str = POINT, *, ok: bool = True) -> str:
    """`dataenvgym run` of one point, or of all. It puts the programs of its environment first, before which the other executor is put here."""

    def environment() -> dict[str, str]:
        usual = programs.environment()
        return {**usual, "PATH": f"{repo.parent}:{usual['PATH']}"}

    with patch.object(stepwise, "environment", environment):
        result = call("dataenvgym", "run", name, cwd=repo, ok=ok)
    return result.stdout + result.stderr


def run_apart(repo: Path) -> str:
    """The same by processes that have imported nothing yet, in which nothing is replaced but the environment."""
    code = (
        "import sys, dataenvgym_spec.schedule.dvc as stepwise\nfrom dataenvgym_spec.cli.main import main\n"
        f"before = stepwise.environment\nstepwise.environment = lambda: {{**before(), 'PATH': {str(repo.parent)!r} + ':' + before()['PATH']}}\n"
        f"sys.argv = ['dataenvgym', 'run', {POINT!r}]\nmain()"
    )
    result = call(str(BIN / "python"), "-c", code, cwd=repo, ok=False)
    return result.stdout + result.stderr


def ran(repo: Path) -> list[str]:
    """What was executed since the last call."""
    path = repo / "ran.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def test_a_run_of_one_point_of_a_sweep(sweep: Path) -> None:
    stages = [
        row["directory"]
        for row in json.loads(
            (sweep / "experiments" / f"{POINT}.json").read_text(encoding="utf-8")
        )["stages"]
    ]
    steps = len(stages) + 1
    # DVC reads no file that the experiment does not need: with this one, every command that reads the whole repository fails.
    lone = (
        next(path for path in sorted((sweep / "store").iterdir()) if path.name not in stages)
        / "dvc.yaml"
    )
    whole = lone.read_text(encoding="utf-8")
    lone.write_text("stages: [", encoding="utf-8")

    # Nor does it run what only bears its name.
    (sweep / "dvc.py").write_text("raise SystemExit('no DVC')", encoding="utf-8")

    # A failed stage ends the run; the next one goes on, in topological order.
    (sweep / "broken").touch()
    assert "did not finish" in run_apart(sweep)
    assert len(ran(sweep)) == 1
    (sweep / "broken").unlink()
    (sweep / "dvc.py").unlink()
    said = run(sweep)
    assert f"{steps} steps to do, 0 done already" in said
    assert "Running stage" in said
    # DVC would name every lock.
    assert said.count("git add ") == 1
    assert "git add dvc.* experiments store" in said
    lines = ran(sweep)
    assert [line.split()[-1] for line in lines] == [*stages, "repo"]
    assert {line.split()[1] for line in lines} == {POINT}

    # A second run starts nothing, and a lost result is restored, not made.
    assert f"0 steps to do, {steps} done already" in run(sweep)
    train = next(sweep / "store" / name for name in stages if name.startswith("train-"))
    shutil.rmtree(train / "out")
    assert "1 step to do" in run(sweep)
    assert (train / "out" / "student" / "result.json").is_file()

    # Plain DVC agrees.
    lone.write_text(whole, encoding="utf-8")
    assert {row["action"] for row in planned(sweep, POINT)} == {"reuse"}
    assert (
        "Data and pipelines are up to date"
        in call("dvc", "repro", f"experiments/{POINT}/dvc.yaml:{POINT}", cwd=sweep).stdout
    )
    assert ran(sweep) == []

    # The sweep as a whole: the other point makes only what the first does not share with it. How
    # to keep results is said once, though both have some.
    shutil.rmtree(train / "out")
    said = run(sweep, "tiny")
    assert f"{POINT}: 1 step to do, {steps - 1} done already" in said
    assert said.count("git add ") == 1
    new = ran(sweep)
    assert f"{OTHER}: {len(new)} steps to do, {steps - len(new)} done already" in said
    assert 1 < len(new) < steps
    assert {line.split()[1] for line in new} == {OTHER}


def test_a_run_waits_for_another_command_of_dvc(sweep: Path) -> None:
    """Somebody pushes in the same clone, for longer than DVC itself would wait."""
    code = "from dvc.lock import make_lock; lock = make_lock('.dvc/tmp/lock', tmp_dir='.dvc/tmp'); lock.lock(); print(flush=True); input()"
    command = [str(BIN / "python"), "-c", code]
    with subprocess.Popen(
        command, cwd=sweep, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin and other.stdout and other.stdout.readline()
        release = threading.Timer(DEFAULT_TIMEOUT + 3, other.kill)
        release.start()
        said = run(sweep)
        release.join()
    assert ran(sweep) and "Unable to acquire lock" not in said


def test_a_point_that_fails_holds_up_no_other(sweep: Path) -> None:
    (sweep / "broken").write_text(POINT, encoding="utf-8")
    said = run(sweep, "tiny", ok=False)
    assert f"{POINT}: '{POINT}' did not finish" in said
    assert said.strip().splitlines()[-2] == f"error: '{POINT}' did not finish"
    assert {row["action"] for row in planned(sweep, OTHER)} == {"reuse"}
    assert "run" in {row["action"] for row in planned(sweep, POINT)}
    (sweep / "broken").unlink()
    run(sweep, "tiny")
    assert {row["action"] for row in planned(sweep, POINT)} == {"reuse"}


def test_a_promise_that_is_not_kept_leaves_nothing_stale(sweep: Path) -> None:
    run(sweep)
    stages = [path.name for path in map(Path, (line.split()[-1] for line in ran(sweep)))][:-1]
    plan = next(name for name in stages if name.startswith("plan-"))
    # Its result is lost, and it promises the same bytes again: nothing below it has to run but the report, which reads its log.
    lock = (sweep / "store" / plan / "dvc.lock").read_text(encoding="utf-8")
    for digest in set(re.findall(r"md5: (\w+\.dir)", lock.partition("outs:")[2])):
        (sweep / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]).unlink()
    assert {
        row["label"]: row["action"] for row in planned(sweep, POINT) if row["action"] != "reuse"
    } == {
        "with-state, iteration 1/1, plan": "run",
        "report": "run",
    }
    (sweep / "salt").write_text("other bytes", encoding="utf-8")
    said = run(sweep)
    done = [line.split()[-1] for line in ran(sweep)]
    assert done[:2] == [plan, "repo"]
    assert done[2:] == [*stages[stages.index(plan) + 1 :], "repo"]
    assert "2 steps to do" in said
    assert (
        f"{len(done) - 2} more steps to do, what was made again came out otherwise than before"
        in said
    )
    assert {row["action"] for row in planned(sweep, POINT)} == {"reuse"}
    assert "0 steps to do" in run(sweep)
    assert ran(sweep) == []


def test_calls_of_dvc_grow_and_keep_the_order() -> None:
    targets = [str(number) for number in range(20_000)]
    found = list(batches(targets))
    assert [target for batch in found for target in batch] == targets
    assert [len(batch) for batch in found[:4]] == [8, 64, 512, 4096]
    assert max(map(len, found)) == MOST
    assert list(batches([])) == []


def test_a_run_tells_its_stages_who_they_work_for() -> None:
    found = current(announced("quickstart"))
    assert found is not None
    assert found.experiment == "quickstart"
    assert current({}) is None
    assert current({"DATAENVGYM_RUN": "x y"}) is None
