"""The process that lasts as long as a run on a machine of a Ray cluster."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dataenvgym_spec.core.room import GIVEN, LEFT
from dataenvgym_spec.core.variables import ENGINES, SERVED
from dataenvgym_spec.schedule.ray.lasting import Lasting, Lasts, taken
from dataenvgym_spec.schedule.ray.tasks import Given, _environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has names in memory")
LASTING = """
import sys
from dataenvgym_spec.schedule.ray.lasting import Lasting
kept = Lasting(sys.argv[1], int(sys.argv[2]))
print("there", flush=True)
sys.stdin.read()
"""


@contextmanager
def lasting(run: str, memory: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", LASTING, run, str(memory)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        yield process
        process.kill()


def told(run: str, memory: int = 0) -> Lasts | None:
    """What a task is told that is over at once."""
    with taken(run, memory) as lasts:
        return lasts


def test_what_a_stage_keeps_ends_with_the_run_and_not_with_a_task() -> None:
    run = secrets.token_hex(16)
    with lasting(run) as process:
        # More often than connections are held for somebody who is busy.
        there = Lasts(process=process.pid)
        assert {told(run) for _ in range(300)} == {there}
        Lasting(run)  # of a second node on this machine: it leaves the name to the first
        assert told(run) == there
        found = _environment({}, Given(run=run, cpus=3), there)
        assert found[SERVED] == str(process.pid)
        assert ENGINES not in found and LEFT not in found
        assert found[GIVEN] == "3"
    assert told(run) is None


def test_what_stages_keep_may_have_the_memory_that_no_task_of_the_machine_needs() -> None:
    run = secrets.token_hex(16)

    def left(memory: int) -> int | None:
        lasts = told(run, memory)
        assert lasts is not None
        return lasts.left

    with lasting(run, memory=100):
        assert left(30) == 70, "it needs its own"
        with taken(run, 60) as first:
            assert first is not None
            assert _environment({}, Given(run=run, cpus=1), first)[LEFT] == "40"
            assert (left(30), left(0), left(70)) == (10, 40, 0)
        assert left(30) == 70, "the other is over"


def test_where_there_is_none_yet_no_engine_is_kept() -> None:
    run = secrets.token_hex(16)
    assert told(run) is None
    found = _environment({}, Given(run=run, cpus=3), None)
    assert found[SERVED] == str(os.getpid())
    assert found[ENGINES] == "0"
