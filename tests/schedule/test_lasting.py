"""The process that lasts as long as a run on a machine of a Ray cluster."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest

from dataenvgym_spec.core.room import GIVEN
from dataenvgym_spec.core.variables import ENGINES, SERVED
from dataenvgym_spec.schedule.ray.lasting import Lasting, process_of
from dataenvgym_spec.schedule.ray.tasks import _environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux has names in memory")
LASTING = """
import sys
from dataenvgym_spec.schedule.ray.lasting import Lasting
kept = Lasting(sys.argv[1])
print("there", flush=True)
sys.stdin.read()
"""


def test_what_a_stage_keeps_ends_with_the_run_and_not_with_a_task() -> None:
    run = secrets.token_hex(16)
    command = [sys.executable, "-c", LASTING, run]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        # More often than connections are held for somebody who is busy.
        assert {process_of(run) for _ in range(300)} == {process.pid}
        Lasting(run)  # of a second node on this machine: it leaves the name to the first
        assert process_of(run) == process.pid
        found = _environment({}, run, cpus=3)
        assert found[SERVED] == str(process.pid)
        assert ENGINES not in found
        assert found[GIVEN] == "3"
        process.kill()
    assert process_of(run) is None


def test_where_there_is_none_yet_no_engine_is_kept() -> None:
    found = _environment({}, secrets.token_hex(16), cpus=3)
    assert found[SERVED] == str(os.getpid())
    assert found[ENGINES] == "0"
