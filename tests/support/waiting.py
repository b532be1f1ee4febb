"""Waiting for what another process does."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.support.commands import environment

HANG = 600.0
"""Seconds after which a wait is a hang: far above what a busy machine needs."""


def wait_until(
    moment: Callable[[], object], what: str, process: subprocess.Popen[Any] | None = None
) -> None:
    """Waits for a moment.

    Args:
        moment: whether it has come.
        what: what is waited for, in words.
        process: which process brings it; if it ends, nobody waits any longer.

    Raises:
        AssertionError: the moment does not come.
    """
    hang = time.monotonic() + HANG
    while not moment():
        ended = process is not None and process.poll() is not None
        assert not ended, f"the process ended before this came: {what}"
        assert time.monotonic() < hang, f"this never came: {what}"
        time.sleep(0.005)


def gone(processes: Iterable[int]) -> bool:
    """Whether processes have ended; one that nobody has waited for counts as such."""
    for pid in processes:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ends while it is looked at, too
        if stat.rpartition(")")[2].split()[0] != "Z":
            return False
    return True


def interrupt_run(repo: Path, files: str, *, shared: bool = True) -> str:
    """Starts `dataenvgym run tiny` and does what Ctrl-C in a terminal does.

    Args:
        repo: where.
        files: a pattern; the moment has come when a file matches it.
        shared: as in `environment`.

    Returns:
        What the run said.
    """
    run = subprocess.Popen(
        ["dataenvgym", "run", "tiny"],
        cwd=repo,
        env=environment(shared=shared),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell that puts the tests into the background has them ignore Ctrl-C, and so all below.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    wait_until(lambda: any(repo.glob(files)), files, run)
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=HANG)[0]
    assert run.returncode == 130, said
    assert said.count("interrupted") == 1
    assert "Traceback" not in said
    return said
