"""What a job of Slurm does about its stage, and what it says of it; without Slurm."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from dataenvgym_spec.core.faults import LEASE_LOST
from dataenvgym_spec.core.variables import JOURNAL
from dataenvgym_spec.records.files import read_json
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.schedule.parcels.pack import nodes_folder
from dataenvgym_spec.schedule.parcels.parcel import Outcome, Parcel
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.store.journal import Journal
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.lease import LeaseLost
from dataenvgym_spec.store.place import journal_file
from tests.support.graphs import written
from tests.support.specs import SMALL

Ends = Callable[[Path], signal.Signals | None]
"""What a stage leaves in its folder, and by which signal its job is ended; None if it is done."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return written(tmp_path, SMALL)


class Job:
    """Attempts at the job of a stage, whose process is a function."""

    def __init__(self, layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layout, self.monkeypatch = layout, monkeypatch
        (self.stage,) = (path.name for path in layout.store.glob("reserve-*"))
        repository = Layout(root=nodes_folder(layout) / self.stage)
        self.work = repository.scratch(self.stage) / "work"
        self.put_back = 0
        monkeypatch.setenv("SLURM_JOB_ID", "7")
        monkeypatch.setattr(job, "requeue", self._requeue)

    def _requeue(self, number: str) -> bool:
        assert number == "7"
        self.put_back += 1
        return True

    def __call__(self, ends: Ends) -> int:
        def done(_parcel: Parcel, _place: Path, heard: list[int]) -> Outcome:
            self.work.mkdir(parents=True, exist_ok=True)
            number = ends(self.work)
            heard.extend(filter(None, (number,)))
            return Outcome(code=130 if number else 0, place="node1")

        self.monkeypatch.setattr(job, "_done", done)
        before = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGTERM)}
        try:
            return job.main(self.layout.root, self.stage, "tiny")
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def outcome(self) -> Outcome | None:
        return job.outcome_of(self.layout, self.stage, "7")


@pytest.fixture
def attempt(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(layout, monkeypatch)


def begins(work: Path, training: str = "first") -> None:
    """What each attempt at a training writes before it trains."""
    (work / "trainer.txt").write_text("", encoding="utf-8")
    (work / "config.json").write_text("{}", encoding="utf-8")
    (work / "checkpoints.txt").write_text(training, encoding="utf-8")


def trains(*steps: int, training: str = "first") -> Ends:
    """Makes checkpoints until the time of its job is over; the last one is not whole."""

    def ends(work: Path) -> signal.Signals:
        begins(work, training)
        for step in steps:
            (work / "checkpoints" / f"checkpoint-{step}").mkdir(parents=True, exist_ok=True)
        for step in steps[:-1]:
            (work / "checkpoints" / f"checkpoint-{step}" / "complete").touch()
        return signal.SIGUSR1

    return ends


def test_a_job_is_put_back_as_long_as_there_are_new_checkpoints(attempt: Job) -> None:
    assert attempt(trains(20, 40, 60)) == job.AGAIN and attempt.put_back == 1
    assert attempt.outcome is None, "it has not ended"
    assert attempt(trains(40, 60, 80)) == job.AGAIN and attempt.put_back == 2
    # It comes as far as the attempt before, and no further.
    assert attempt(trains(60, 80)) == 1 and attempt.put_back == 2
    outcome = attempt.outcome
    assert outcome is not None and outcome.code == 1 and not outcome.fault
    assert "has kept nothing of what this one did; raise 'slurm.time'" in outcome.said


def test_a_job_whose_training_is_another_one_now_has_got_on(attempt: Job) -> None:
    assert attempt(trains(20, 40)) == job.AGAIN
    assert attempt(trains(20, 40)) == 1
    assert attempt(trains(20, 40, training="of other examples")) == job.AGAIN


def test_a_job_that_never_comes_to_a_checkpoint_is_not_put_back(attempt: Job) -> None:
    assert attempt(trains(20)) == 1
    assert not attempt.put_back and attempt.outcome is not None


def test_a_job_whose_student_goes_on_answering_is_put_back(attempt: Job) -> None:
    def answers(*places: int) -> Ends:
        def ends(work: Path) -> signal.Signals:
            kept = work / "kept"
            kept.mkdir(parents=True, exist_ok=True)
            for place in places:
                (kept / f"{place}.answers").touch()
            return signal.SIGUSR1

        return ends

    assert attempt(answers(0, 64)) == job.AGAIN
    assert attempt(answers(128)) == job.AGAIN and attempt.put_back == 2
    assert attempt(answers()) == 1
    assert attempt.outcome is not None and "has kept nothing" in attempt.outcome.said


def test_a_job_whose_teacher_goes_on_answering_is_put_back(
    attempt: Job, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(JOURNAL, str(tmp_path / "journal"))
    own = read_json(layout.stage(attempt.stage) / "stage.json")["key"]

    def answers(*keys: str, stage: str = own) -> Ends:
        def ends(_work: Path) -> signal.Signals:
            with closing(Journal(journal_file(os.environ))) as journal:
                journal.keep(Response(key=key, stage=stage, at=1.0, reply={}) for key in keys)
            return signal.SIGUSR1

        return ends

    assert attempt(answers("0", stage="another")) == 1
    assert attempt(answers("0", "1", stage="another")) == 1 and not attempt.put_back
    assert attempt(answers("2", "3")) == job.AGAIN
    assert attempt(answers("4")) == job.AGAIN and attempt.put_back == 2
    assert attempt(answers()) == 1
    assert attempt.outcome is not None and "has kept nothing" in attempt.outcome.said
    # On a node with a journal of its own it has begun from the start, and come no further.
    monkeypatch.setenv(JOURNAL, str(tmp_path / "another"))
    assert attempt(answers("2", "3", "4")) == 1 and attempt.put_back == 2
    assert attempt(answers("5")) == job.AGAIN


def test_a_job_that_slurm_ends_for_another_one_has_not_failed(attempt: Job) -> None:
    assert attempt(lambda _work: signal.SIGTERM) == 1
    outcome = attempt.outcome
    assert outcome is not None and (outcome.code, outcome.fault) == (130, True)
    assert outcome.said == "the job was ended by SIGTERM: for another job, or with its node"


def test_a_job_whose_disk_is_full_says_so_and_blames_the_machine(
    attempt: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/study/store")

    monkeypatch.setattr(job, "publish", full)
    assert attempt(lambda _work: None) == 1
    outcome = attempt.outcome
    assert outcome is not None and (outcome.code, outcome.fault) == (1, True)
    assert outcome.said == "'/study/store' cannot be used: no space left on device"
    # Nor can it say so then.
    monkeypatch.setattr(job.atomic, "write_bytes", full)
    assert attempt(lambda _work: None) == 1
    assert attempt.outcome is None and "no space left" in capsys.readouterr().err


def test_a_job_whose_stage_another_host_has_taken_over_ends_by_a_code_of_its_own(
    attempt: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_arguments: object, **_options: object) -> None:
        raise LeaseLost("another host has it")

    monkeypatch.setattr(job, "publish", lost)
    assert attempt(lambda _work: None) == 1
    outcome = attempt.outcome
    assert outcome is not None and (outcome.code, outcome.fault) == (LEASE_LOST, True)


def test_a_bug_is_said_and_is_no_fault_of_the_machine(
    attempt: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(job, "publish", broken)
    assert attempt(lambda _work: None) == 1
    outcome = attempt.outcome
    assert outcome is not None and (outcome.code, outcome.fault) == (1, False)
    assert outcome.said == "internal error: ValueError: a bug"
