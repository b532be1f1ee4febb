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
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.faults import as_shells, is_fault
from dataenvgym_spec.core.room import GIVEN, LEFT, gpus_here
from dataenvgym_spec.core.variables import ENGINE_SECONDS, ENGINES, SERVED
from dataenvgym_spec.schedule.parcels import node, together
from dataenvgym_spec.schedule.parcels.packages import lacking
from dataenvgym_spec.schedule.parcels.parcel import Home, Outcome, Parcel, here
from dataenvgym_spec.schedule.ray.lasting import Lasts, taken
from dataenvgym_spec.store.dvc.programs import environment
from dataenvgym_spec.store.locks import hear_interrupts

BEGUN, SAID, ENDED = "begun", "said", "ended"
Part = tuple[str, bytes]
"""What a task tells: `BEGUN` with its machine, `SAID` with output, `ENDED` with the outcome."""
PAUSE: Final = 0.5
"""Seconds for which output is gathered before it is sent."""
MOST: Final = 1 << 16
"""Bytes of output that are gathered at most."""
GRACE: Final = 20.0
"""Seconds that a stage has to end after an interrupt."""
LINGERS: Final = 15
"""Seconds for which an engine stays on a GPU: the next evaluation of a run that waits finds it."""
THREADS: Final = "OMP_NUM_THREADS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a task has of its machine.

    Attributes:
        run: what the run is called that it belongs to.
        cpus: processors.
        memory: bytes of main memory; 0 where nobody knows what it needs.
        lent: whether Ray may give that to somebody else's task once it has ended.
    """

    run: str
    cpus: int
    memory: int = 0
    lent: bool = False


def look(home: Home) -> dict[str, object]:
    """What a machine is: its name, whether it sees the clone, and its releases."""
    return {"name": node.name(), "sees": node.sees(home), "versions": here()}


def lacks(packages: Sequence[str]) -> dict[str, object]:
    """Which packages a machine does not have, and its name."""
    return {"name": node.name(), "lacking": lacking(packages)}


def room() -> None:
    """Does nothing: it asks for room on a machine."""


def work(content: bytes, given: Given, machines: int = 1) -> Iterator[Part]:
    """Does the stage of a parcel in a process of its own.

    Args:
        content: the parcel.
        given: what it has here.
        machines: that train together in it, of which this one is the first.
    """
    hear_interrupts()
    yield BEGUN, node.name().encode()
    try:
        outcome = yield from _worked(content, given, machines)
    except Exception as error:  # Ray would take it for its own
        outcome = node.failed_by(error)
    yield ENDED, outcome.pack()


def _worked(content: bytes, given: Given, machines: int) -> Generator[Part, None, Outcome]:
    """Does the stage of a parcel, and tells what it says; returns what came of it."""
    parcel = Parcel.unpack(content)
    with tempfile.TemporaryDirectory(prefix="dataenvgym-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "stage.parcel"
        path.touch(mode=0o600)  # it may hold credentials
        path.write_bytes(content)
        command = [sys.executable, "-P", "-m", node.__name__, str(path), str(os.getpid())]
        with taken(given.run, given.memory) as lasts:
            environ = _environment(parcel.defaults, given, lasts)
            if machines > 1:
                environ |= together.told(machines, _address(), parcel.defaults)
            code = yield from _done(command, folder, environ)
        return _outcome(path, code)


def helped(content: bytes, given: Given) -> Iterator[Part]:
    """Does the part of this machine in a training whose stage another one does.

    It ends when it is cancelled, or when its part has failed.

    Args:
        content: the parcel.
        given: what it has here.
    """
    hear_interrupts()
    try:
        parcel = Parcel.unpack(content)
        command = together.helper(parcel, os.getpid())
        with taken(given.run, given.memory) as lasts:
            environ = _environment(parcel.defaults, given, lasts)
            environ = together.environment(parcel, environ)
            code = yield from _done(command, tempfile.gettempdir(), environ)
    except Exception as error:
        yield ENDED, node.failed_by(error).pack()
        return
    said = f"the part of '{node.name()}' in the training ended with exit code {code}"
    outcome = Outcome(code=as_shells(code) or 1, place=node.name(), fault=is_fault(code), said=said)
    yield ENDED, outcome.pack()


def _address() -> str:
    """Where other machines of the cluster reach this one."""
    import ray

    address: str = ray.util.get_node_ip_address()
    return address


def _done(
    command: list[str], folder: str, environ: Mapping[str, str]
) -> Generator[Part, None, int]:
    """Runs a command, and tells what it says; returns its exit code."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with _undisturbed():
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        yield from ((SAID, text) for text in _output(process))
        return process.wait()
    except BaseException:  # the user has stopped the run
        if process is not None:
            _interrupt(process)
        raise
    finally:
        if process is not None:
            _kill(process)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Holds back Ray's interrupt of a task: a process that is being started would be left behind.

    Raises:
        KeyboardInterrupt: one has come meanwhile.
    """
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if heard:
        raise KeyboardInterrupt


def _environment(defaults: Mapping[str, str], given: Given, lasts: Lasts | None) -> dict[str, str]:
    """The environment of a stage: what it keeps for others ends with the run on this machine.

    What it keeps on a GPU that Ray gives to others after it ends within seconds.
    """
    environ = {**environment(), GIVEN: str(given.cpus)}
    if lasts is None:
        # The machine has just joined. An engine of this process alone would not be found by who
        # needs its GPU.
        environ |= {SERVED: str(os.getpid()), ENGINES: "0"}
    else:
        environ[SERVED] = str(lasts.process)
        if lasts.left is not None:
            environ[LEFT] = str(lasts.left)
    if given.lent and gpus_here(os.environ) and ENGINE_SECONDS not in {**defaults, **environ}:
        environ[ENGINE_SECONDS] = str(LINGERS)
    # Ray sets this by what a task was given; results may depend on it.
    if THREADS not in defaults:
        environ.pop(THREADS, None)
    else:
        environ[THREADS] = defaults[THREADS]
    return environ


def _output(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What a process says, at most `PAUSE` after it said it, also while it goes on saying more."""
    assert process.stdout is not None
    number = process.stdout.fileno()
    gathered, until = b"", 0.0
    ended = False
    while not ended:
        # Ray's interrupt of a task ends no call of the system: also of a silent one, wake up.
        left = max(until - time.monotonic(), 0.0) if gathered else PAUSE
        if select.select([number], [], [], left)[0]:
            data = os.read(number, MOST)
            if not gathered:
                until = time.monotonic() + PAUSE
            gathered += data
            ended = not data
        if gathered and (ended or len(gathered) > MOST or time.monotonic() >= until):
            yield gathered
            gathered = b""


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
        return node.unanswered(code)
