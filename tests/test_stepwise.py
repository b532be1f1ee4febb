"""A run of one experiment of a sweep: real DVC, stage by stage; only the executor is replaced, by one that makes what a stage promises."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.running import announced, current
from dataenvgym_spec.stepwise import MOST, batches
from tests.conftest import BIN, TINY, call, new_repo
from tests.test_state import planned

MATRIX = "matrix: {agent.policy.floor: [0.1, 0.3], student.train.learning_rate: [1e-3, 2e-3]}\n"
POINT = "tiny-floor-0_1-learning_rate-0_001"
OTHER = "tiny-floor-0_1-learning_rate-0_002"
EXECUTOR = """\
import os, re, sys
from pathlib import Path

root = Path(os.environ["DVC_ROOT"])
with (root / "ran.txt").open("a") as file:
    print(os.environ.get("DATAENVGYM_RUN", ""), *sys.argv[2:], Path.cwd().name, file=file)
if (root / "broken").exists():
    sys.exit(1)
if len(sys.argv) > 2:
    for name in ("index.html", "metrics.json", "curves.csv"):
        path = root / "reports" / sys.argv[2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}" if path.suffix == ".json" else "iteration,accuracy\\n0,1\\n")
else:
    for out in re.findall(r"^    - ((?:out/|log).*)$", Path("dvc.yaml").read_text(), re.M):
        Path(out).mkdir(parents=True)
        (Path(out) / "result.json").write_text(Path("stage.json").read_text())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of four points, compiled."""
    repo = new_repo(tmp_path_factory.mktemp("sweep") / "repo", TINY.replace("iterations: 2", "iterations: 1") + MATRIX)
    call("dataenvgym", "compile", cwd=repo)
    programs = repo.parent / "bin"
    programs.mkdir()
    (programs / "dataenvgym").write_text(f"#!{sys.executable} -S\n{EXECUTOR}", encoding="utf-8")
    (programs / "dataenvgym").chmod(0o755)
    return repo


@pytest.fixture
def sweep(made: Path, tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(made, tmp_path / "repo", symlinks=True)
    return tmp_path / "repo"


def run(repo: Path, name: str, made: Path, *, ok: bool = True) -> str:
    """`dataenvgym run` with the other executor: the command puts its own programs first, so it is called from where there are none."""
    code = (
        "import sys, dataenvgym_spec.stepwise as stepwise\nfrom dataenvgym_spec.cli.main import main\n"
        f"before = stepwise.environment\nstepwise.environment = lambda: {{**before(), 'PATH': {str(made.parent / 'bin')!r} + ':' + before()['PATH']}}\n"
        f"sys.argv = ['dataenvgym', 'run', {name!r}]\nmain()"
    )
    result = call(str(BIN / "python"), "-c", code, cwd=repo, ok=ok)
    return result.stdout + result.stderr


def ran(repo: Path) -> list[str]:
    lines = (repo / "ran.txt").read_text(encoding="utf-8").splitlines() if (repo / "ran.txt").exists() else []
    (repo / "ran.txt").unlink(missing_ok=True)
    return lines


def test_a_run_makes_one_point_of_a_sweep_and_another_run_starts_nothing(sweep: Path, made: Path) -> None:
    stages = [row["directory"] for row in json.loads((sweep / "experiments" / f"{POINT}.json").read_text(encoding="utf-8"))["stages"]]
    # DVC reads no file that the experiment does not need: with this one, every command that reads the whole repository fails.
    lone = next(path for path in sorted((sweep / "store").iterdir()) if path.name not in stages)
    (lone / "dvc.yaml").write_text("stages: [", encoding="utf-8")
    said = run(sweep, POINT, made)
    assert f"{len(stages) + 1} steps to do, 0 done already" in said
    lines = ran(sweep)
    assert [line.split()[-1] for line in lines] == [*stages, "repo"]
    assert {line.split()[1] for line in lines} == {POINT}
    assert {row["action"] for row in planned(sweep, POINT)} == {"reuse"}

    assert f"0 steps to do, {len(stages) + 1} done already" in run(sweep, POINT, made)
    assert ran(sweep) == []
    # A neighbour shares what comes before training.
    assert run(sweep, OTHER, made)
    assert {line.split()[-1].partition("-")[0] for line in ran(sweep)} >= {"train", "evaluate", "select", "repo"}

    # What is left behind is what plain DVC leaves behind.
    call("dataenvgym", "compile", cwd=sweep)
    out = call("dvc", "repro", f"experiments/{POINT}/dvc.yaml:{POINT}", cwd=sweep).stdout
    assert "Data and pipelines are up to date" in out
    assert ran(sweep) == []


def test_a_failed_stage_ends_the_run_and_the_next_one_goes_on(sweep: Path, made: Path) -> None:
    (sweep / "broken").touch()
    assert "did not finish" in run(sweep, POINT, made, ok=False)
    assert len(ran(sweep)) == 1
    (sweep / "broken").unlink()
    run(sweep, POINT, made)
    assert len(ran(sweep)) == len(planned(sweep, POINT))


def test_a_lost_result_is_restored_without_executing(sweep: Path, made: Path) -> None:
    run(sweep, POINT, made)
    ran(sweep)
    (lost,) = [row for row in planned(sweep, POINT) if row["kind"] == "train" and row["label"].startswith("no-state")]
    shutil.rmtree(sweep / "store" / lost["directory"] / "out")
    assert "1 step to do" in run(sweep, POINT, made)
    assert ran(sweep) == []
    assert (sweep / "store" / lost["directory"] / "out" / "student" / "result.json").is_file()


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
