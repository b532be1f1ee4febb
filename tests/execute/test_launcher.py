"""What the exit code of the launcher says of the processes that train."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from dataenvgym_spec.core.faults import KILLED, SIGNALLED, is_fault
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.accelerate import configure
from dataenvgym_spec.execute.training.launcher import root_cause
from dataenvgym_spec.execute.training.start import LAUNCHER
from tests.support.commands import environment

TRAINER = """
import os, signal, sys, time
rank, how = os.environ.get("RANK", "0"), sys.argv[1]
if rank == sys.argv[2]:
    if how == "ends":
        os.kill(os.getppid(), signal.SIGTERM)
        time.sleep(60)
    if how == "stays":
        time.sleep(2)
    if how in ("fails", "stays"):
        sys.exit(1)
    os.kill(os.getpid(), signal.SIGKILL)
elif how == "lost":
    time.sleep(1)
    sys.exit("the connection was closed by its peer")
elif how == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(60)
"""


@dataclass(frozen=True)
class Ended:
    exitcode: int
    timestamp: int = 10


@pytest.mark.parametrize(
    ("failures", "code"),
    [
        ([Ended(1)], 1),
        ([Ended(-9)], KILLED),
        # It waited for a worker, or had one do its work that was killed.
        ([Ended(137)], KILLED),
        # The launcher ends the others, late ones by force.
        ([Ended(1), Ended(-15, 11)], 1),
        ([Ended(-9), Ended(-15, 11)], KILLED),
        # Who has lost its peer is seen first.
        ([Ended(1), Ended(-9)], KILLED),
        ([Ended(1), Ended(-9, 12)], KILLED),
        ([Ended(1), Ended(137, 45)], KILLED),
        # torch kills those that its SIGTERM has not ended.
        ([Ended(1), Ended(-9, 40)], 1),
        ([Ended(-9, 41), Ended(1), Ended(-15, 41)], 1),
        ([Ended(-9), Ended(-9, 41)], KILLED),
        # Who has lost its peer may abort.
        ([Ended(1), Ended(-6, 11)], 1),
        ([Ended(-6), Ended(1, 11)], 1),
        ([Ended(-6), Ended(-9, 11)], KILLED),
        ([Ended(-15, 11), Ended(-6)], SIGNALLED + signal.SIGABRT),
        ([Ended(-15), Ended(-15, 11)], SIGNALLED + signal.SIGTERM),
        # Ctrl-C is no fault.
        ([Ended(-2)], SIGNALLED + signal.SIGINT),
    ],
)
def test_the_process_for_which_the_others_have_failed_is_told(
    failures: list[Ended], code: int
) -> None:
    assert root_cause(failures) == code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "arguments", "expected"),
    [
        (1, ["killed", "0"], KILLED),
        (1, ["fails", "0"], 1),
        (2, ["killed", "1"], KILLED),
        (2, ["lost", "1"], KILLED),
        (2, ["fails", "1"], 1),
        (2, ["stays", "1"], 1),
        (2, ["ends", "1"], SIGNALLED + signal.SIGTERM),
    ],
)
def test_a_launcher_tells_a_kill_from_a_failure(
    processes: int, arguments: list[str], expected: int, tmp_path: Path
) -> None:
    path = tmp_path / "trainer.py"
    path.write_text(TRAINER, encoding="utf-8")
    settings = configure(Hardware.of({"DATAENVGYM_PROCESSES": str(processes)}), tmp_path)
    launcher = [sys.executable, "-m", LAUNCHER, "--config_file", str(settings)]
    code = subprocess.run(
        [*launcher, str(path), *arguments],
        env=environment(PYTHONPATH=str(Path(__file__).parents[2])),
        check=False,
    ).returncode
    assert code == expected
    assert is_fault(code) == (expected != 1)
