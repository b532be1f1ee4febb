"""What a machine says of a stage that has failed on it: the stage itself, or what it works with."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.core.faults import LEASE_LOST
from dataenvgym_spec.schedule.parcels import node


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
