"""What a warm worker answers of work that fails, and of work that is killed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import KILLED, LEASE_LOST, MachineFault
from dataenvgym_spec.execute.warm import client, worker


def fails() -> None:
    raise StageError("it is broken")


def loses() -> None:
    raise MachineFault("another host has it", code=LEASE_LOST)


def breaks() -> int:
    raise RuntimeError("a fault of ours")


def dies() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.parametrize(
    ("work", "code"),
    [
        (lambda: worker._exit_code(fails), 1),
        (lambda: worker._exit_code(loses), LEASE_LOST),
        (breaks, 1),
        (dies, KILLED),
    ],
)
def test_only_what_was_killed_ends_without_an_answer(
    work: Callable[[], int], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(worker.WORK, "stage", work)
    asks, answers = socket.socketpair()
    parent, child = os.getpid(), os.fork()
    if child == 0:
        asks.close()
        worker._child(answers, parent)
    answers.close()
    try:
        assert client._ask(asks, "stage", []) == code
    finally:
        os.waitpid(child, 0)
