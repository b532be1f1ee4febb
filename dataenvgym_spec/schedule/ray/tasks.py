"""What runs on the machines of a Ray cluster: a look at the machine, and the stage of a parcel.

A task belongs to the process that drives the run: Ray ends it with its driver, and everything that
it has started ends with it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.variables import SERVED
from dataenvgym_spec.schedule.parcels import node
from dataenvgym_spec.schedule.parcels.parcel import Home, Outcome, Parcel, here
from dataenvgym_spec.store.dvc.programs import environment

SAID, ENDED = "said", "ended"
Part = tuple[str, bytes]
"""What a task tells: `SAID` with output, and at last `ENDED` with the outcome."""
PAUSE: Final = 0.5
"""Seconds for which output is gathered before it is sent."""
GRACE: Final = 20.0
"""Seconds that a stage has to end after an interrupt."""
THREADS: Final = "OMP_NUM_THREADS"


def look(home: Home) -> dict[str, object]:
    """What a machine is: its name, whether it sees the clone, and its releases."""
    return {"name": node.name(), "sees": node.sees(home), "versions": here()}


def work(content: bytes) -> Iterator[Part]:
    """Does the stage of a parcel in a process of its own."""
    parcel = Parcel.unpack(content)
    with tempfile.TemporaryDirectory(prefix="dataenvgym-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "stage.parcel"
        path.touch(mode=0o600)  # it may hold credentials
        path.write_bytes(content)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", node.__name__, str(path), str(os.getpid())],
            cwd=folder,
            env=_environment(parcel.defaults),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield from ((SAID, text) for text in _output(process))
            process.wait()
        except BaseException:  # the user has stopped the run
            _interrupt(process)
            raise
        finally:
            _kill(process)
        yield ENDED, _outcome(path, process.returncode).pack()


def _environment(defaults: Mapping[str, str]) -> dict[str, str]:
    """The environment of a stage: its warm workers end with this process, which Ray keeps."""
    environ = {**environment(), SERVED: str(os.getpid())}
    # Ray sets this by what a task was given; results may depend on it.
    if THREADS not in defaults:
        environ.pop(THREADS, None)
    else:
        environ[THREADS] = defaults[THREADS]
    return environ


def _output(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    assert process.stdout is not None
    number = process.stdout.fileno()
    gathered = b""
    while True:
        ready = select.select([number], [], [], PAUSE)[0]
        data = os.read(number, 1 << 16) if ready else b""
        gathered += data
        if gathered and (not ready or not data or len(gathered) > 1 << 16):
            yield gathered
            gathered = b""
        if ready and not data:
            return


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """Has a stage end as by Ctrl-C, so that it keeps what it has made."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _outcome(path: Path, code: int) -> Outcome:
    try:
        return Outcome.unpack(path.with_suffix(".outcome").read_bytes())
    except OSError:
        said = "the process of the stage was killed"
        return Outcome(code=code or 1, place=node.name(), fault=True, said=said)
