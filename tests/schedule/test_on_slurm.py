"""Stages as jobs of Slurm's real daemons, here on loopback: the machine that has submitted them goes away."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.records.files import read
from dataenvgym_spec.records.logs import Log
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.elsewhere import Driving
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.parcels.adopt import put_in_place
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.protocol import Needs, Standing, Work
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.schedule.slurm.arrays import Place
from dataenvgym_spec.schedule.slurm.commands import (
    Job,
    allotted,
    cancel,
    most_tasks,
    named,
    options,
    program,
    submit,
)
from dataenvgym_spec.schedule.slurm.queue import Queue
from dataenvgym_spec.schedule.slurm.runner import SlurmRunner
from dataenvgym_spec.schedule.slurm.standings import JobStanding, standings, standings_of
from dataenvgym_spec.setup.hardware.profile import LightJobs, SlurmCluster
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import compiled
from tests.support.half_done import works_on
from tests.support.processes import family, with_variable
from tests.support.repositories import call, new_repo
from tests.support.slurm import driven, needs_slurm, slurm, stage_process, states, steps
from tests.support.specs import SMALL
from tests.support.waiting import wait_until

LONG = SMALL.replace("train: {length: {steps: 6}", "train: {length: {steps: 60}").replace(
    "max_new_tokens: 5}", "max_new_tokens: 5, batch_size: 2}"
)
PROFILE = "slurm: {partition: other, time: 60}\nevaluation: {shards: 2, min_batches: 3}\n"
"""The test split has six batches, and is shared; the selection split has four."""


def a_job(name: str, *command: str, after: str = "") -> Job:
    return Job(name=name, command=command, output="/dev/null", needs=Needs(), dependency=after)


def asked(needs: Needs, cluster: SlurmCluster) -> set[str]:
    """The options of a job with these needs."""
    needs, holds = allotted(needs, cluster)
    wanted = Job(name="n", command=["true"], output="/o.txt", needs=needs, dependency="afterok:7:9")
    return {*options(wanted, holds)}


def test_what_is_asked_of_slurm() -> None:
    needs = Needs(cpus=4, gpus=1, memory=3 * 2**30 + 1)
    cluster = SlurmCluster(partition="gpu", account="lab", time="4:00:00", gpus=8)
    found = asked(needs, cluster)
    assert found >= {"--partition=gpu", "--account=lab", "--time=4:00:00", "--cpus-per-task=4"}
    assert found >= {"--gres=gpu:1", "--mem=3073M", "--dependency=afterok:7:9", "--requeue"}
    # Of the time limit the job's own process hears, and in time for a checkpoint: the stage does not.
    assert "--signal=B:USR1@120" in found
    plain = options(a_job("n", "true"), SlurmCluster())
    assert not any(re.match("--(partition|time|mem|gres|dependency)", one) for one in plain)


def test_what_a_user_wants_besides_is_asked_of_slurm() -> None:
    cluster = SlurmCluster(
        partition="gpu",
        gpus=8,
        gpu_type="a100",
        cpus=6,
        memory=8 * 2**30,
        options={"qos": "high", "exclusive": True, "contiguous": False, "nice": 0},
        light=LightJobs(partition="cpu", memory=2**30, options={}),
    )
    train = asked(Needs(cpus=8, gpus=4, memory=2**30), cluster)
    assert train >= {"--gres=gpu:a100:4", "--cpus-per-task=8", "--mem=8192M", "--partition=gpu"}
    assert train >= {"--qos=high", "--exclusive", "--nice=0"}
    evaluate = asked(Needs(gpus=1, memory=2**34), cluster)
    assert evaluate >= {"--gres=gpu:a100:1", "--cpus-per-task=6", "--mem=16384M"}
    light = asked(Needs(light=True), cluster)
    assert light >= {"--partition=cpu", "--cpus-per-task=6", "--mem=1024M"}
    assert not any(re.match("--(gres|qos|exclusive|nice|contiguous)", one) for one in light)


@needs_slurm
def test_jobs_of_real_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        cluster = SlurmCluster(partition="other", time=10)
        broken = submit(a_job("x-broken", "sh", "-c", "sleep 1; exit 3"), cluster)
        behind = submit(a_job("x-behind", "true", after=f"afterok:{broken}"), cluster)
        assert named("x-") == {broken: "x-broken", behind: "x-behind"}
        assert named("y-") == {}
        wait_until(lambda: states([behind])[behind] == "CANCELLED", "its job is cancelled")
        assert states([broken, "99"]) == {broken: "FAILED", "99": "GONE"}
        slow = submit(a_job("x-slow", "sleep", "600"), cluster)
        wait_until(lambda: states([slow])[slow] == "RUNNING", "its job runs")
        cancel([Place(slow)], now=True)
        wait_until(lambda: states([slow])[slow] == "CANCELLED", "its job is cancelled")
        with pytest.raises(StageError, match=r"Slurm refuses: sbatch: .*partition"):
            submit(a_job("x", "true"), SlurmCluster(partition="nowhere"))
        submit(a_job("x-left", "sleep", "600"), cluster)
        wait_until(
            lambda: any(len(family(step)) > 1 for step in steps(variables)),
            "another job is at work",
        )
    ours = "SLURM_CONF", variables["SLURM_CONF"]
    wait_until(lambda: not with_variable(*ours), "what the cluster has started is gone")


@pytest.mark.slow
@needs_slurm
def test_where_jobs_run_and_what_they_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spec").mkdir()
    graph, layout = compiled(tmp_path / "spec", SMALL), Layout(root=tmp_path / "repo")
    (layout.root / ".dvc").mkdir(parents=True)
    write(graph, layout, everything=True)
    stage = next(one for one in graph.stages if one.kind == "reserve")
    work = Work(id=stage.directory, targets=(address(stage.directory),), experiments=("tiny",))
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    runner, told = SlurmRunner(driving, SlurmCluster()), list[Standing]()

    def heard() -> list[Standing]:
        assert runner.finished(0.1) is None
        told.extend(standing for one, standing in runner.news() if one is work)
        return told

    with slurm(cpus=1) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        before = submit(a_job("x-before", "sleep", "600"), SlurmCluster())
        wait_until(lambda: states([before])[before] == "RUNNING", "the node is busy")
        assert runner.start(work).waits == "for Slurm"
        busy = re.compile(r"in Slurm: (Resources|Priority)")
        wait_until(
            lambda: any(busy.fullmatch(one.waits) for one in heard()), "it says why it waits"
        )
        assert not any(one.place for one in told)
        (number,) = (name for name in standings_of(runner.queue.prefix))
        assert standings([number, "99"])["99"] == JobStanding(state="GONE")
        cancel([Place(before)], now=True)
        wait_until(lambda: any(one.place for one in heard()), "it runs")
        assert (told[-1].place, told[-1].waits) == ("node1", "")
        runner.stop(now=True)
        ended = runner.finished(120)
        assert ended is not None and ended.work is work and ended.code


@pytest.mark.slow
@needs_slurm
def test_arrays_of_real_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that fails ends those that wait for it, and no other."""
    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert most_tasks() == 1001
        fails = ("sh", "-c", "sleep 1; test $SLURM_ARRAY_TASK_ID != 5")
        first = submit(replace(a_job("x-a", *fails), tasks=(3, 4, 5)), SlurmCluster())
        along = replace(a_job("x-b", "true", after=f"aftercorr:{first}"), tasks=(3, 4, 5))
        second = submit(along, SlurmCluster())
        alone = submit(a_job("x-c", "true", after=f"afterok:{first}_3:{second}_4"), SlurmCluster())
        assert named("x-") == {
            **{f"{first}_{task}": "x-a" for task in (3, 4, 5)},
            **{f"{second}_{task}": "x-b" for task in (3, 4, 5)},
            alone: "x-c",
        }
        wait_until(lambda: not named("x-", completing=True), "all have ended")
        ended = {f"{second}_{task}": "COMPLETED" for task in (3, 4)}
        assert states([*ended, f"{second}_5", alone]) == {
            **ended,
            f"{second}_5": "CANCELLED",
            alone: "COMPLETED",
        }
        # A task that has itself put back does so alone, also the last, whose job has the array's number.
        code = "import os; from dataenvgym_spec.schedule.slurm.commands import *; requeue(own_number(os.environ))"
        again = f'test -n "$SLURM_RESTART_COUNT" || test $SLURM_ARRAY_TASK_ID = 0 || {sys.executable} -c "{code}"'
        back = submit(replace(a_job("x-e", "sh", "-c", again), tasks=(0, 1, 2)), SlurmCluster())
        wait_until(lambda: not named("x-e", completing=True), "all have ended")
        assert {*states([f"{back}_{task}" for task in range(3)]).values()} == {"COMPLETED"}
        shown = subprocess.run(
            ["scontrol", "--oneliner", "show", "job", back],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = re.findall(r"ArrayTaskId=(\d) .* Restarts=(\d)", shown.stdout)
        assert sorted(rows) == [("0", "0"), ("1", "1"), ("2", "1")]

        slow = submit(replace(a_job("x-d", "sleep", "600"), tasks=(0, 1, 2, 7)), SlurmCluster())
        wait_until(lambda: "RUNNING" in states([f"{slow}_0"]).values(), "a task runs")
        cancel([Place(slow, task) for task in (0, 1, 7)], now=False)
        kept = {f"{slow}_2": "x-d"}
        wait_until(lambda: named("x-d") == kept, "the other tasks are cancelled")
        cancel([Place(slow, 2)], now=True)
        wait_until(lambda: not named("x-d"), "all are")


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
        outcome = job.outcome_of(layout, stage, "")
        assert outcome is not None and bool(outcome.code) == bool(code)
        return outcome

    assert job_of(reserve).code == 0
    assert (layout.stage(reserve) / "dvc.lock").exists()
    put_in_place(layout, [reserve])
    assert (
        "up to date" in call("dvc", "status", f"store/{reserve}/dvc.yaml:reserve", cwd=repo).stdout
    )
    # One that was submitted too early says so.
    assert "dvc.lock' is missing" in job_of(skills).said


def test_an_earlier_attempt_does_not_speak_for_a_later_one(tmp_path: Path) -> None:
    """A job that Slurm took for dead, and has begun again elsewhere, may wake and end after that."""
    layout = Layout(root=tmp_path)

    def ends(number: str, attempt: str, said: str) -> None:
        environ = {"SLURM_JOB_ID": number, "SLURM_RESTART_COUNT": attempt}
        path = job.outcome_file(layout, "train-1", environ)
        atomic.write_bytes(path, Outcome(code=1, place="n", said=said).pack())

    def said(number: str) -> str | None:
        outcome = job.outcome_of(layout, "train-1", number)
        return None if outcome is None else outcome.said

    assert said("12") is None
    ends("12", "1", "second attempt")
    ends("12", "0", "first attempt")
    ends("1", "2", "an earlier job")
    ends("12_3", "4", "a task of an array")
    assert (said("12"), said("1")) == ("second attempt", "an earlier job")
    assert (said("12_3"), said("2")) == ("a task of an array", None)
    # What the process of the stage says to its job is not the job's.
    folder = job.outcomes_folder(layout, "train-1")
    (folder / "12.5.stage.outcome").write_bytes(Outcome(code=0, place="n").pack())
    assert said("12") == "second attempt"
    ends("12", "10", "eleventh attempt")
    assert said("12") == "eleventh attempt"


@pytest.mark.slow
@needs_slurm
def test_a_time_limit_ends_in_a_checkpoint_and_the_job_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm itself says when: two minutes before the limit of a job whose training never ends.

    It may do so up to a minute earlier.
    """
    endless = SMALL.replace("train: {length: {steps: 6}", "train: {length: {steps: 1000000}")
    repo, log = new_repo(tmp_path / "repo", endless), tmp_path / "run.txt"
    (repo / "hardware.yaml").write_text("slurm: {time: 5}\n", encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    (train,) = (path.parent.name for path in repo.glob("store/train-*/stage.json"))
    work, output = works_on(repo, train), Layout(root=repo).output(train)

    def steps() -> int:
        """How far the last checkpoint is."""
        names = [path.parent.name for path in work.glob("checkpoints/*/complete")]
        return max((int(name.rpartition("-")[2]) for name in names), default=0)

    def said() -> str:
        return output.read_text(encoding="utf-8") if output.exists() else ""

    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        driver = driven(repo, variables, log)
        wait_until(steps, "it trains", driver)
        (number,) = [one for one in named("dataenvgym-") if states([one])[one] == "RUNNING"]
        again = "the time of the job is over: it goes on from its checkpoint"
        wait_until(lambda: again in said(), "its time is over", driver)
        kept = steps()
        assert kept, "there is a checkpoint"
        wait_until(lambda: steps() > kept, "it goes on from there", driver)
        assert said().count("  on ") == 2 and said().count(again) == 1
        # It is the same job, and nobody has taken that for a failure.
        assert states([number]) == {number: "RUNNING"}
        assert "failed" not in log.read_text(encoding="utf-8")
        driver.send_signal(signal.SIGINT)
        assert driver.wait(120) == 130, log.read_text(encoding="utf-8")
        wait_until(lambda: not named("dataenvgym-"), "its jobs are cancelled")


@pytest.mark.slow
@needs_slurm
def test_jobs_go_on_while_their_driver_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two runs of one arm, so that their stages are tasks of arrays: one is put back, one is killed.

    What they have in common is made here: for each stage a job starts Python anew, several times.
    """
    repo, log = new_repo(tmp_path / "repo", f"{LONG}seeds: {{run: [0, 1]}}\n"), tmp_path / "run.txt"
    (repo / "hardware.yaml").write_text(PROFILE, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    stages = {path.parent.name for path in (repo / "store").glob("*/stage.json")}
    texts = {one: (repo / "store" / one / "dvc.yaml").read_text(encoding="utf-8") for one in stages}
    common = [one for one in stages if one.startswith(("check-", "evaluate-"))]
    before = [address(one) for one in common if "/train-" not in texts[one]]
    call("dvc", "repro", *before, cwd=repo)
    first, second = sorted(one for one in stages if one.startswith("train-"))
    layout = Layout(root=repo)
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    queue = Queue(driving, SlurmCluster())

    def done() -> set[str]:
        return {path.parent.name for path in (repo / "store").glob("*/dvc.lock")}

    def kept(train: str) -> bool:
        work = repo / ".dataenvgym" / "nodes" / train / ".dataenvgym" / "scratch" / train / "work"
        return any(work.rglob("checkpoint-*"))

    with slurm() as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        driver = driven(repo, variables, log)
        wait_until(lambda: stage_process(first), "a job does a stage", driver)
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        places = queue.there()
        # An evaluation's shards are named after it.
        assert {name.partition(".")[0] for name in places} | done() == stages
        assert places[first].job == places[second].job
        assert len({place.job for place in places.values()}) < len(places) * 2 / 3

        refused = call("dataenvgym", "run", "tiny", cwd=repo, ok=False)
        assert "of an earlier run of this repository wait or run in Slurm" in refused.stderr
        looked = call("dataenvgym", "status", "--watch", cwd=repo).stdout
        assert "is away; its jobs go on in Slurm" in looked
        assert looked.endswith("take it up again with: dataenvgym run tiny --on slurm\n")

        # One's time is over in mid-training: it goes on from its checkpoint, as the same task.
        output = layout.output(first)
        wait_until(lambda: kept(first), "there is a checkpoint")
        command = ["scancel", "--batch", "--signal=USR1", str(places[first])]
        subprocess.run(command, check=True)
        # The other one is killed: what waits for it is ended, and nothing else.
        wait_until(lambda: kept(second), "there is a checkpoint of the other")
        process = stage_process(second)
        assert process is not None
        os.kill(process, signal.SIGKILL)
        again = "goes on from its checkpoint"
        wait_until(lambda: again in output.read_text(encoding="utf-8"), again)
        wait_until(lambda: not named("dataenvgym-"), "all jobs have ended")
        assert output.read_text(encoding="utf-8").count("  on ") == 2
        left = stages - done()
        assert first not in left and second in left and len(left) < len(places) / 2

        # Who comes back does the rest.
        driver = driven(repo, variables, log)
        assert driver.wait(600) == 0, log.read_text(encoding="utf-8")
        assert done() == stages
        assert ": started on node1\n" in log.read_text(encoding="utf-8")
        text = layout.output(second).read_text(encoding="utf-8")
        assert text.count("  on ") == 1, "it is another job, and goes on from the checkpoint"
    assert (repo / "reports" / "tiny" / "index.html").is_file()
    logs = [read(path, Log) for path in repo.glob("store/evaluate-*/log/run.json")]
    assert sum(one.shards == 2 for one in logs) == 2, "two jobs shared the ones on the test split"
    assert "up to date" in call("dvc", "status", cwd=repo).stdout
    assert "Running stage" not in call("dvc", "repro", "tiny", cwd=repo).stdout
