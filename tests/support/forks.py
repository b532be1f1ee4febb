"""Processes that begin as a copy of this one: what a command leaves behind ends with them, and they need not import anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

from dataenvgym_spec.schedule import dvc as stepwise
from dataenvgym_spec.store.dvc import messages


class Fork:
    """A copy of this process that does some work; as much of a `subprocess.Popen` as is needed.

    Args of the constructor:
        work: what it does; it returns the exit code.
        longest: seconds after which it hangs, and is ended by SIGALRM.
    """

    def __init__(self, work: Callable[[], int], longest: int) -> None:
        _flush()
        self.pid = os.fork()
        if self.pid == 0:
            _do(work, longest)

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end, however long that takes; returns its exit code."""
        assert timeout is None
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def send_signal(self, number: int) -> None:
        """Ends it, with SIGKILL."""
        os.kill(self.pid, number)


def _do(work: Callable[[], int], longest: int) -> None:
    """Does the work, and ends this process: nothing may return into the tests of its parent."""
    code = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(longest)
        own = SimpleNamespace(
            Popen=partial(_dvc, longest), TimeoutExpired=subprocess.TimeoutExpired
        )
        with patch.object(stepwise, "subprocess", own):
            code = work()
        _flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _dvc(
    longest: int,
    command: list[str],
    *,
    cwd: Path,
    env: dict[str, str],
    preexec_fn: Callable[[], object],
) -> Fork:
    """What `dataenvgym run` starts, `python -P -m dataenvgym_spec.store.dvc.messages repro ...`, in a fork of it."""

    def work() -> int:
        preexec_fn()
        stand(cwd, env, command[3:])
        return messages.main()

    return Fork(work, longest)


def stand(cwd: Path, environ: dict[str, str], arguments: list[str]) -> None:
    """Gives this process another working directory, environment and arguments."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[:] = arguments


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
