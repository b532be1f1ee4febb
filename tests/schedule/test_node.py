"""What a machine says of a stage that has failed on it: the stage itself, or what it works with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.faults import LEASE_LOST, is_fault
from dataenvgym_spec.schedule.parcels import node
from dataenvgym_spec.schedule.parcels.parcel import Home, Outcome, Parcel, here
from dataenvgym_spec.schedule.ray import tasks
from dataenvgym_spec.schedule.slurm import job
from dataenvgym_spec.store.leases.lease import LeaseLost
from tests.support.graphs import written
from tests.support.specs import SMALL


@pytest.mark.parametrize(
    ("status", "code", "fault", "said"),
    [
        (None, 255, False, ""),
        (1, 1, False, ""),
        (3, 3, False, ""),
        (-9, 137, True, "the stage was killed by signal 9"),
        # A warm worker, an engine or a trainer of its was killed: it has said so.
        (137, 137, True, ""),
        (LEASE_LOST, LEASE_LOST, True, ""),
        # Ctrl-C, at the stage or at what it works with.
        (130, 130, False, ""),
        (-2, 130, False, "the stage was killed by signal 2"),
    ],
)
def test_a_stage_that_failed_is_told_from_one_that_the_machine_failed(
    status: int | None, code: int, fault: bool, said: str, tmp_path: Path
) -> None:
    (tmp_path / "failure.txt").write_text("why\n", encoding="utf-8")
    outcome = node._failed(tmp_path, 255, status)
    assert (outcome.code, outcome.fault, outcome.said) == (code, fault, said)
    assert outcome.failure == "why\n"


@pytest.mark.parametrize(
    ("error", "code", "fault"),
    [(StageError("no such shard"), 1, False), (LeaseLost("another has it"), LEASE_LOST, True)],
)
def test_a_stage_that_another_host_has_taken_over_ends_by_the_same_code_as_on_one_machine(
    error: UserError, code: int, fault: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(node, "_carry_out", fails)
    monkeypatch.setenv(node.NODES, str(tmp_path))
    home = Home(root=str(tmp_path), token="clone", shared=False)
    outcome = node.carry_out(Parcel(stage="data-1", home=home, files={}, versions=here()))
    assert (outcome.code, outcome.fault, outcome.said) == (code, fault, error.message)


@pytest.mark.parametrize(
    ("ended", "code", "fault", "said"),
    [
        (-9, 137, True, "was killed by signal 9"),
        (137, 137, True, "was killed by signal 9"),
        (-2, 130, False, "was killed by signal 2"),
        (1, 1, False, "ended without an answer: exit code 1"),
        (0, 1, False, "ended without an answer: exit code 0"),
    ],
)
def test_a_process_that_has_not_said_what_came_of_its_stage_is_judged_by_its_exit_code(
    ended: int, code: int, fault: bool, said: str, tmp_path: Path
) -> None:
    """On Ray and on Slurm alike; only what a signal has ended is tried again."""
    expected = (code, fault, f"the process of the stage {said}")
    for outcome in (tasks._outcome(tmp_path / "a.parcel", ended), job._read(tmp_path / "b", ended)):
        assert (outcome.code, outcome.fault, outcome.said) == expected


def broken(*_: object, **__: object) -> None:
    raise ValueError("a bug")


def test_a_bug_is_no_fault_of_the_machine_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(node, "_carry_out", broken)
    monkeypatch.setenv(node.NODES, str(tmp_path / "nodes"))
    home = Home(root=str(tmp_path), token="clone", shared=False)
    path = tmp_path / "one.parcel"
    path.write_bytes(Parcel(stage="data-1", home=home, files={}, versions=here()).pack())
    assert node.main(path) == 1
    outcomes = [Outcome.unpack(path.with_suffix(".outcome").read_bytes())]

    # Nor is one in what runs beside the stage, which Ray would say that it lost.
    monkeypatch.setattr(tasks, "_environment", broken)
    monkeypatch.setattr(tasks, "hear_interrupts", lambda: None)
    monkeypatch.setattr(tasks.together, "helper", lambda *_: [])
    parcel = Parcel(stage="data-1", home=home, files={}).pack()
    given = tasks.Given(run="run", cpus=1)
    for parts in (tasks.work(parcel, given), tasks.helped(parcel, given)):
        *_, (kind, content) = parts
        assert kind == tasks.ENDED
        outcomes.append(Outcome.unpack(content))
    for outcome in outcomes:
        told = (outcome.code, outcome.fault, outcome.said)
        assert told == (1, False, "internal error: ValueError: a bug")
    assert "Traceback" in capsys.readouterr().err


def test_a_machine_on_which_nothing_can_be_written_says_so_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node.atomic, "write_bytes", full)
    assert is_fault(node.main(tmp_path / "none.parcel"))


def test_a_machine_names_the_packages_that_a_stage_needs_and_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = written(tmp_path, SMALL)
    (train,) = (path.name for path in layout.store.glob("train-*"))
    (reserve,) = (path.name for path in layout.store.glob("reserve-*"))
    monkeypatch.setattr(node, "lacking", lambda names: [one for one in names if one == "torch"])
    node._require_packages(layout, reserve)
    with pytest.raises(StageError, match=r"packages that the stage needs: torch$") as caught:
        node._require_packages(layout, train)
    assert "install the same releases" in caught.value.help
