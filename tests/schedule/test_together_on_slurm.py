"""A training of two nodes, each a real daemon of Slurm's on this machine: the other node's part is started by `srun` in the job."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

import pytest

from dataenvgym_spec.schedule.protocol import Needs
from dataenvgym_spec.schedule.slurm.commands import Job, named, options, submit
from dataenvgym_spec.schedule.slurm.others import address, machines, step
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from tests.support.half_done import half_done, works_on
from tests.support.processes import running
from tests.support.repositories import call
from tests.support.slurm import driven, needs_slurm, slurm, states
from tests.support.waiting import wait_until

HELP = "dataenvgym_spec.execute.training.help"


def test_what_is_asked_of_slurm_for_several_nodes() -> None:
    wanted = Job(name="n", command=["true"], output="o", needs=Needs(cpus=4, machines=3))
    found = options(wanted, SlurmCluster())
    assert {"--nodes=3", "--ntasks=3", "--ntasks-per-node=1", "--cpus-per-task=4"} <= {*found}
    job = {"SLURM_JOB_NUM_NODES": "3", "SLURM_CPUS_PER_TASK": "4"}
    assert machines(job) == 3 and machines({}) == 1
    others = step(3, job)
    assert others[:4] == ["srun", "--relative=1", "--nodes=2", "--ntasks=2"]
    assert "--cpus-per-task=4" in others and "--kill-on-bad-exit=1" in others


def helpers(repo: Path) -> list[int]:
    """The processes that take part in trainings of a repository beside the first node."""

    def helps(words: list[str]) -> bool:
        return "srun" not in words[0] and HELP in words and any(str(repo) in word for word in words)

    return running(helps)


@pytest.mark.slow
@needs_slurm
def test_the_job_of_a_node_that_dies_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.txt"
    two = {"SLURM_JOB_NUM_NODES": "2"}
    other = shlex.join([*step(2, two), "sleep", "600"])
    command = ["sh", "-c", f"echo begun; {other}; sleep 600"]
    wanted = Job(name="x", command=command, output=str(output), needs=Needs(machines=2))
    with slurm(nodes=2, patience=5) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        number = submit(wanted, SlurmCluster())
        conf, alike = variables["SLURM_CONF"], f"slurmstepd: [{number}.0]"
        wait_until(lambda: called(alike, conf), "the other node takes part")
        for pid in (*called("slurmd -N node2", conf), *called(alike, conf)):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: states([number])[number] == "PENDING", "it is put back")
        assert output.read_text(encoding="utf-8").count("begun") == 1


def called(words: str, conf: str) -> list[int]:
    """The processes of a cluster whose command holds some words."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (path / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            theirs = f"SLURM_CONF={conf}".encode() in (path / "environ").read_bytes().split(b"\0")
            if words in command and theirs:
                found.append(int(path.name))
    return found


@pytest.mark.slow
@needs_slurm
def test_two_nodes_train_one_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other node's part is killed; the time of the job is over; the user presses Ctrl-C."""
    (repo, train), log = half_done(tmp_path / "repo"), tmp_path / "run.txt"
    profile = "slurm: {partition: other, time: 60}\ntraining: {num_machines: 2}\n"
    (repo / "hardware.yaml").write_text(profile, encoding="utf-8")
    output = repo / ".dataenvgym" / "output" / f"{train}.txt"

    def joined() -> int:
        text = output.read_text(encoding="utf-8") if output.exists() else ""
        return text.count("machine 2 of 2")

    def checkpoints() -> set[Path]:
        return {*works_on(repo, train).glob("checkpoints/*/complete")}

    def trains(before: Set[Path] = frozenset()) -> bool:
        return bool(joined() and helpers(repo) and checkpoints() - before)

    with slurm(nodes=2) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SLURMD_NODENAME", "node2")
        assert address(os.environ) == "127.0.0.1"
        driver = driven(repo, variables, log, "--retry", "2")
        wait_until(trains, "two nodes train", driver)
        for pid in helpers(repo):
            os.kill(pid, signal.SIGKILL)
        again = "ended by a fault of the machine, tried again"
        wait_until(lambda: again in log.read_text(encoding="utf-8"), again, driver)

        # One that has kept nothing of its own is not put back.
        there = checkpoints()
        wait_until(lambda: trains(there), "two nodes train again", driver)
        (number,) = (number for number, name in named("dataenvgym-").items() if train in name)
        before = joined()
        subprocess.run(["scancel", "--batch", "--signal=USR1", number], check=True)
        wait_until(lambda: joined() > before, "the same job goes on with both", driver)
        assert "goes on from its checkpoint" in output.read_text(encoding="utf-8")

        os.kill(driver.pid, signal.SIGINT)
        assert driver.wait(300) == 130, log.read_text(encoding="utf-8")
        wait_until(lambda: not helpers(repo), "nothing is left on the other node")
        wait_until(lambda: states([number])[number] == "CANCELLED", "the job is cancelled")

        driver = driven(repo, variables, log)
        assert driver.wait(900) == 0, log.read_text(encoding="utf-8")
        assert not helpers(repo)
    log_of_stage = (repo / "store" / train / "log" / "run.json").read_text(encoding="utf-8")
    assert '"machines": 2' in log_of_stage
    assert "up to date" in call("dvc", "status", cwd=repo).stdout
