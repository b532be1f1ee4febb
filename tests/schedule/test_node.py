"""What a machine says of a stage that has failed on it: the stage itself, or what it works with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.core.faults import LEASE_LOST
from dataenvgym_spec.schedule.parcels import node
from dataenvgym_spec.schedule.parcels.parcel import Home, Parcel, here
from dataenvgym_spec.store.leases.lease import LeaseLost


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
