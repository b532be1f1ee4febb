"""Stages as jobs of Slurm's real daemons, here on loopback: the machine that has submitted them goes away."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.schedule.parcels.adopt import put_in_place
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.schedule.slurm.commands import (
    Job,
    cancel,
    named,
    options,
    program,
    states,
    submit,
)
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store.layout import Layout
from tests.support.commands import BIN, ROOT, environment
from tests.support.repositories import call, new_repo
from tests.support.slurm import needs_slurm, slurm
from tests.support.specs import SMALL
from tests.support.waiting import wait_until

LONG = SMALL.replace("train: {length: {steps: 6}", "train: {length: {steps: 60}").replace(
    "max_new_tokens: 5}", "max_new_tokens: 5, batch_size: 2}"
)
PROFILE = "slurm: {partition: other, time: 60}\nevaluation: {shards: 2, min_batches: 1}\n"


def a_job(name: str, *command: str, after: tuple[str, ...] = ()) -> Job:
    return Job(name=name, command=command, output="/dev/null", needs=Needs(), after=after)


def test_what_is_asked_of_slurm() -> None:
    needs = Needs(cpus=4, gpus=1, memory=3 * 2**30 + 1)
    wanted = Job(name="n", command=["true"], output="/o.txt", needs=needs, after=("7", "9"))
    cluster = SlurmCluster(partition="gpu", account="lab", time="4:00:00", gpus=2)
    found = set(options(wanted, cluster))
    assert found >= {"--partition=gpu", "--account=lab", "--time=4:00:00", "--cpus-per-task=4"}
    assert found >= {"--gres=gpu:2", "--mem=3073M", "--dependency=afterok:7:9", "--requeue"}
    plain = options(a_job("n", "true"), SlurmCluster())
    assert not any(re.match("--(partition|time|mem|gres|dependency)", one) for one in plain)


@needs_slurm
def test_jobs_of_real_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        cluster = SlurmCluster(partition="other", time=10)
        broken = submit(a_job("x-broken", "sh", "-c", "sleep 1; exit 3"), cluster)
        behind = submit(a_job("x-behind", "true", after=(broken,)), cluster)
        assert named("x-") == {"x-broken": broken, "x-behind": behind}
        assert named("y-") == {}
        wait_until(lambda: states([behind])[behind] == "CANCELLED", "its job is cancelled")
        assert states([broken, "99"]) == {broken: "FAILED", "99": "GONE"}
        slow = submit(a_job("x-slow", "sleep", "600"), cluster)
        wait_until(lambda: states([slow])[slow] == "RUNNING", "its job runs")
        cancel([slow], now=True)
        wait_until(lambda: states([slow])[slow] == "CANCELLED", "its job is cancelled")
        with pytest.raises(StageError, match=r"Slurm refuses: sbatch: .*partition"):
            submit(a_job("x", "true"), SlurmCluster(partition="nowhere"))


def test_a_job_needs_nobody_beside_it(tmp_path: Path) -> None:
    """What a job runs, without Slurm: the stage's lock is in the repository afterwards."""
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "compile", cwd=repo)
    layout = Layout(root=repo)
    (reserve,) = (path.name for path in layout.store.glob("reserve-*"))
    (skills,) = (path.name for path in layout.store.glob("skills-*"))

    def job_of(stage: str) -> Outcome:
        command = program(job.__name__, str(repo), stage, "tiny")
        code = call(*command, cwd=tmp_path, ok=False, apart=True, DATAENVGYM_WARM="0").returncode
        outcome = Outcome.unpack(job.outcome_file(layout, stage).read_bytes())
        assert bool(outcome.code) == bool(code)
        return outcome

    assert job_of(reserve).code == 0
    assert (layout.stage(reserve) / "dvc.lock").exists()
    put_in_place(layout, [reserve])
    assert (
        "up to date" in call("dvc", "status", f"store/{reserve}/dvc.yaml:reserve", cwd=repo).stdout
    )
    # One that was submitted too early says so.
    assert "dvc.lock' is missing" in job_of(skills).said


def run(repo: Path, variables: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """`dataenvgym run tiny --on slurm`, as a process of its own."""
    own = environment(shared=False, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1", **variables)
    own |= {"PATH": f"{BIN}:{variables['PATH']}", "DATAENVGYM_CHECKPOINT_SECONDS": "0"}
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(BIN / "dataenvgym"), "run", "tiny", "--on", "slurm"],
            cwd=repo,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


@pytest.mark.slow
@needs_slurm
def test_jobs_go_on_while_their_driver_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo, log = new_repo(tmp_path / "repo", LONG), tmp_path / "run.txt"
    (repo / "hardware.yaml").write_text(PROFILE, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    stages = sorted(path.parent.name for path in (repo / "store").glob("*/stage.json"))
    (train,) = (one for one in stages if one.startswith("train-"))

    def done() -> list[str]:
        return sorted(path.parent.name for path in (repo / "store").glob("*/dvc.lock"))

    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        driver = run(repo, variables, log)
        wait_until(done, "a stage is done", driver)
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        jobs = named("dataenvgym-")
        assert any(name.endswith(train) for name in jobs)
        assert len(jobs) + len(done()) >= len(stages)

        # Its time is over in mid-training: it goes on from its checkpoint, as the same job.
        work = repo / ".dataenvgym" / "nodes" / train / ".dataenvgym" / "scratch" / train / "work"
        wait_until(lambda: list(work.rglob("checkpoint-*")), "there is a checkpoint")
        (number,) = (number for name, number in jobs.items() if name.endswith(train))
        command = ["scancel", "--batch", "--signal=USR1", number]
        subprocess.run(command, check=True)
        output = repo / ".dataenvgym" / "output" / f"{train}.txt"
        again = "goes on from its checkpoint"
        wait_until(lambda: again in output.read_text(encoding="utf-8"), again)
        wait_until(lambda: not named("dataenvgym-"), "all jobs have ended")
        assert done() == stages, output.read_text(encoding="utf-8")
        assert output.read_text(encoding="utf-8").count("  on ") == 2

        # Who comes back finds all done but the report.
        driver = run(repo, variables, log)
        assert driver.wait(300) == 0, log.read_text(encoding="utf-8")
    assert (repo / "reports" / "tiny" / "index.html").is_file()
    logs = [read(path, Log) for path in repo.glob("store/evaluate-*/log/run.json")]
    assert logs and all(one.shards == 2 for one in logs), "two jobs shared each evaluation"
    assert "up to date" in call("dvc", "status", cwd=repo).stdout
    assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout
