"""Where processes listen that a run keeps between its stages, and how they are reached and ended.

One keeps an engine (`holder`), or the server of a teacher (`keeper`). Its name says whose it is, on
which GPUs it runs and what it keeps; whoever needs one of those GPUs, or the main memory that it
takes, ends it first.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.core.room import gpus_named, memory_left, memory_of
from dataenvgym_spec.core.variables import ENGINE_SECONDS, ENGINES, VLLM_CACHE, count
from dataenvgym_spec.execute.warm.client import (
    WORKER,
    awaited,
    connect,
    delegate_keeping,
    served_by,
    socket_path,
    workplace,
)
from dataenvgym_spec.store.layout import Layout, find_root

SHAPING: Final = ("CUDA_", "MKL_", "OMP_", "PYTORCH_", "TORCH_", "VLLM_")
OURS: Final = ("DATAENVGYM_THREADS", "DATAENVGYM_VLLM_")
"""How variables begin that change how an engine runs: another value is another engine."""
IMPORTING: Final = (
    *("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_NO_USAGE_STATS", "VLLM_RAISE_ON_LOGIT_NANS"),
    *("VLLM_LOGGING_LEVEL", VLLM_CACHE),
)
"""Those that a process has once it has imported vLLM: see `gym.students.backends.vllm_engine`."""
TRIES: Final = 3
"""What is kept can end just when it is asked for: another one is started then."""
LOG: Final = "engines"
"""The file that engines log to, without its suffix."""
LONGEST: Final = 107
"""Bytes of the path of a socket (`sun_path` of Linux)."""
ALL: Final = "all"
"""In the name of an engine, that it may use every GPU."""
_SOCKET: Final = re.compile(
    r"(?P<served>\d+)-(?P<started>\d+)-(engine-(?P<gpus>[\w.]*)-)?\w+\.sock"
)
SECONDS: Final = 900
"""Longer than most trainings between two evaluations take."""


def place(environ: Mapping[str, str], *kept: Any) -> Path | None:
    """Where the process listens that keeps something for a run; None where nothing is kept.

    Args:
        environ: names the worker of the run, whose name has the run's process.
        kept: what tells it from whatever else is kept, as plain data.
    """
    prefix = _prefix(environ)
    if prefix is None:
        return None
    shaping = {name: value for name, value in environ.items() if _shapes(name)}
    identity = digest("kept", [*kept, shaping])
    path = prefix.with_name(f"{prefix.name}{'.'.join(_gpus(environ))}-{identity[:12]}.sock")
    return path if len(os.fsencode(path)) <= LONGEST else None


def release(environ: Mapping[str, str], but: Collection[Path | None] = ()) -> None:
    """Ends what a run keeps on any GPU of this process and nobody uses, and waits for its end.

    Args:
        environ: names the worker of the run, and the GPUs.
        but: the places of what stays.
    """
    wanted = _gpus(environ)
    for path, gpus in _places(environ):
        if path not in but and _meet(wanted, gpus):
            _limit(path, 0)


def fit(environ: Mapping[str, str], but: Collection[Path | None] = ()) -> None:
    """Ends what a run keeps and nobody uses, as far as that does not fit beside what now runs.

    Where nobody says how much main memory that needs, all of it stays.

    Args:
        environ: names the worker of the run, and says how much memory is left.
        but: the places of what the stage itself uses, which is among its own needs.
    """
    left = memory_left(environ)
    if left is None:
        return
    for path, _ in _places(environ):
        if path not in but:
            left -= _limit(path, left)


def _places(environ: Mapping[str, str]) -> Iterator[tuple[Path, list[str]]]:
    """Where a run keeps something, and on which GPUs."""
    prefix = _prefix(environ)
    if prefix is None:
        return
    for path in sorted(prefix.parent.glob(f"{prefix.name}*.sock")):
        found = _SOCKET.fullmatch(path.name)
        if found is not None:
            yield path, found["gpus"].split(".")


def _limit(path: Path, most: int) -> int:
    """Bytes that what is kept at a place takes; 0 where a stage uses it, which has those it needs.

    What does not take less than `most` ends, unless it is used, and its end is waited for.
    """
    connection = connect(path)
    if connection is not None:
        with Connection(connection.detach()) as asked, suppress(EOFError, ConnectionError):
            asked.send(most)
            taken: int = asked.recv()
            return taken
    return 0


def stays(connection: Connection, most: int, *, used: bool) -> bool:
    """Whether this process, which keeps something, may go on; then it says what it takes.

    Args:
        connection: to who wants its room; see `_limit`.
        most: the bytes of memory of which it has to take less.
        used: whether a stage uses what it keeps.
    """
    taken = 0 if used else memory_of(os.getpid())
    if not used and taken >= most:
        return False
    connection.send(taken)
    return True


def _gpus(environ: Mapping[str, str]) -> list[str]:
    """The GPUs of a process, each as the name of an engine has it.

    Several works of a run are given different ones, and some are given those of several others.
    """
    names = gpus_named(environ)
    if names is None:
        return [ALL]
    return [name if name.isdigit() else digest("gpu", name)[:4] for name in names]


def _meet(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a GPU is among both.

    >>> _meet(["0", "1"], ["1"]), _meet(["0"], ["1"]), _meet(["all"], ["1"])
    (True, False, True)
    """
    return ALL in (*first, *second) or bool(set(first) & set(second))


def _prefix(environ: Mapping[str, str]) -> Path | None:
    """What the names of a run's engines begin with; None where none is kept."""
    if sys.platform != "linux" or "0" in (environ.get(ENGINES), environ.get("DATAENVGYM_WARM")):
        return None
    # A stage that a warm worker runs is no child of the run. On a GPU there is no such worker.
    named = environ.get(WORKER)
    worker = Path(named) if named else socket_path(served_by(environ), "heavy")
    found = None if worker is None else _SOCKET.fullmatch(worker.name)
    if worker is None or found is None:
        return None
    return worker.with_name(f"{found['served']}-{found['started']}-engine-")


def idle_seconds(environ: Mapping[str, str]) -> int:
    """After how many seconds in which nobody asked what is kept is given up.

    Raises:
        UserError: the variable says what cannot be.
    """
    return count(environ, ENGINE_SECONDS) or SECONDS


def _shapes(name: str) -> bool:
    return name.startswith((*SHAPING, *OURS)) and name not in IMPORTING


def reached(path: Path, module: str, *, imported: bool = False) -> Connection | None:
    """A connection to what is kept at a place, which is started if need be; None if it cannot be.

    Args:
        path: the place.
        module: what keeps it, started with the place and the process of the run.
        imported: whether the warm worker of the run has imported what that needs, and can fork it.
    """
    try:
        found = connect(path) or _started(path, module, imported)
    except OSError:
        return None
    return None if found is None else Connection(found.detach())


def answer(connection: Connection, request: Any) -> Any:
    """What a process that keeps something answers.

    Raises:
        StageError: it could not do what it was asked.
        EOFError: it has ended.
        ConnectionError: likewise.
    """
    connection.send(request)
    done, content = connection.recv()
    if not done:
        message, help = content
        raise StageError(message, help=help)
    return content


def _started(path: Path, module: str, imported: bool) -> socket.socket | None:
    found = _SOCKET.fullmatch(path.name)
    assert found is not None
    arguments = [str(path), found["served"]]
    folder, path_of_log = workplace(Layout(root=find_root()), LOG)
    with path_of_log.open("ab") as log:
        if imported and delegate_keeping(arguments, os.environ, folder, log):
            return connect(path)
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder,
        )
    return awaited(path, process)
