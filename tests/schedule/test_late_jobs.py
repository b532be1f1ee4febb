"""Jobs of Slurm, and drivers, that sleep past their lease and wake when another one has their place."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.elsewhere import Driving
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.parcels.adopt import put_in_place
from dataenvgym_spec.schedule.parcels.published import LOCK
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.schedule.slurm.commands import Job, named, program, submit
from dataenvgym_spec.schedule.slurm.runner import SlurmRunner
from dataenvgym_spec.setup.hardware.leases import clone_leases
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.lease import Claimant, take
from dataenvgym_spec.store.leases.log import LeaseEvent, Log
from dataenvgym_spec.store.leases.register import FolderRegister
from tests.support.processes import family
from tests.support.repositories import call, environment, new_repo
from tests.support.slurm import needs_slurm, slurm, states
from tests.support.specs import SMALL
from tests.support.waiting import HANG, wait_until

Starts = Callable[[int], subprocess.Popen[bytes]]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    repo = new_repo(tmp_path / "repo", SMALL)
    leases = "leases: {at: .dataenvgym/leases, seconds: 2}\n"
    (repo / "hardware.yaml").write_text(leases, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    return Layout(root=repo)


@pytest.fixture
def stage(layout: Layout) -> str:
    (found,) = (path.name for path in layout.store.glob("reserve-*"))
    return found


@pytest.fixture
def start(layout: Layout, stage: str) -> Iterator[Starts]:
    """Starts an attempt at the job of a stage, as Slurm does; nothing of any is left in the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(attempt: int) -> subprocess.Popen[bytes]:
        slurm = {"SLURM_JOB_ID": "7", "SLURM_RESTART_COUNT": str(attempt)}
        with said(layout, attempt).open("wb") as output:
            process = subprocess.Popen(
                program(job.__name__, str(layout.root), stage, "tiny"),
                cwd=layout.root.parent,
                env=environment(shared=False, DATAENVGYM_WARM="0", **slurm),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        send(family(process.pid), signal.SIGKILL)
        process.wait()


def said(layout: Layout, attempt: int) -> Path:
    return layout.root.parent / f"attempt-{attempt}.txt"


def send(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def events(layout: Layout, stage: str) -> list[LeaseEvent]:
    log = Log(FolderRegister(layout.leases), stage)
    return [event for event in map(log.event, log.numbers()) if event is not None]


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["claimed", "published"])
def test_of_a_job_that_slept_and_the_one_after_it_one_result_is_published(
    layout: Layout, stage: str, start: Starts, moment: str
) -> None:
    """The first sleeps, with all that it has started, in mid-stage or before the lock is in its place."""
    late = start(0)
    wait_until(lambda: any(event.act == moment for event in events(layout, stage)), moment, late)
    asleep = family(late.pid)
    send(asleep, signal.SIGSTOP)
    # What a process has started before it was stopped.
    while len(family(late.pid)) > len(asleep):
        asleep = family(late.pid)
        send(asleep, signal.SIGSTOP)

    other = start(1)
    assert other.wait(HANG) == 0, said(layout, 1).read_text(encoding="utf-8")
    place = layout.stage(stage) / "dvc.lock"
    lock = place.read_bytes()
    send(asleep, signal.SIGCONT)
    code = late.wait(HANG)
    text = said(layout, 0).read_text(encoding="utf-8")

    assert place.read_bytes() == lock
    acts = [event for event in events(layout, stage) if event.act == "published"]
    assert [event.result for event in acts] == [{LOCK: lock.decode()}], text
    if moment == "claimed":
        assert code == 1 and f"'{stage}' was taken over by" in text
    else:
        assert "nothing is made again" in said(layout, 1).read_text(encoding="utf-8")
    # It has not spoken for the later attempt, whose repository is gone with the stage done.
    outcome = job.outcome_of(layout, stage, "7")
    assert outcome is not None and not outcome.code
    assert outcome.lock == lock.decode()
    put_in_place(layout, [stage])
    target = f"store/{stage}/dvc.yaml:reserve"
    assert "up to date" in call("dvc", "status", target, cwd=layout.root).stdout


@pytest.mark.slow
@needs_slurm
def test_a_driver_that_slept_cancels_none_of_the_jobs_that_are_its_successors(
    layout: Layout, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Ctrl-C and the loss of the lease on the run have a driver do, with real daemons."""
    leases = clone_leases(layout, {})
    assert leases is not None
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    work = Work(id=stage, targets=(f"store/{stage}/dvc.yaml:reserve",))
    with slurm(cpus=1) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        full = Job(name="full", command=("sleep", "600"), output="/dev/null", needs=Needs())
        before = submit(full, SlurmCluster())
        wait_until(lambda: states([before])[before] == "RUNNING", "the node is full")
        runner = SlurmRunner(driving, SlurmCluster())
        runner.announce([work])
        (number,) = named(runner.queue.prefix)
        # Another driver has taken the run over.
        successor = Claimant(holder="other", clone=leases.clone, seconds=60)
        lease = take(leases.register, "run", successor)
        assert lease is not None
        runner.stop(now=True)
        assert states([number]) == {number: "PENDING"}
        lease.release()
        runner.stop(now=True)
        wait_until(lambda: states([number])[number] == "CANCELLED", "its job is cancelled")
