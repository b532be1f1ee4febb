"""Finds the warm worker of a run, or starts it, and has it do the work of this process.

The worker itself is in `worker`. Keys, results and locks are the same without it
(`DATAENVGYM_WARM=0`).
"""

from __future__ import annotations

import array
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.faults import KILLED
from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.core.running import LASTING, current
from dataenvgym_spec.core.variables import SERVED
from dataenvgym_spec.execute.stopped import stopped
from dataenvgym_spec.execute.warm.listening import start_of
from dataenvgym_spec.graph.kind import Worker
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.store.layout import Layout

PRELOAD: Final[dict[str, tuple[str, ...]]] = {
    "light": (
        "dataenvgym_spec.execute.stages.data",
        "dataenvgym_spec.execute.stages.generate",
        "dataenvgym_spec.execute.stages.check",
        "dataenvgym_spec.gym.tasks.sources.reasoning_gym",
    ),
    "heavy": (
        "dataenvgym_spec.gym.tasks.sources.reasoning_gym",
        "dataenvgym_spec.execute.stages.evaluate",
        "dataenvgym_spec.gym.students.trainers.sft",
        "dataenvgym_spec.gym.students.backends.transformers",
        "transformers.models.auto.modeling_auto",
        "transformers.generation.utils",
        "transformers.models.llama.modeling_llama",
    ),
}
"""What a worker of each group imports before it serves."""
IMPORTED: Final = frozenset({"torch", "transformers", "accelerate", "peft"})
"""The packages that a heavy worker has imported, or that a fork of it imports in no time."""
MODELS: Final = frozenset({"backend", "model", "trainer"})
"""The slots of what makes or runs a model, which is what a heavy worker is for.

A teacher may be one too: see `Definition.device`."""
START_SECONDS: Final = 90
DECLINED: Final = 254
"""The exit code by which a worker says that a stage gains nothing by it."""
LOST: Final = (
    "error: the stage's process ended without an answer\n"
    "  = help: was it killed for lack of memory? DATAENVGYM_WARM=0 runs stages without a worker"
)
WORKER: Final = "DATAENVGYM_WORKER"
"""The environment variable that says to a trainer where the worker of its run listens."""
EXECUTOR: Final = "DATAENVGYM_EXECUTOR"
"""The environment variable that says to a trainer which process it works for."""


def delegate(layout: Layout, content: dict[str, Any], directory: str) -> int | None:
    """Has a warm worker run a stage.

    Args:
        layout: the repository.
        content: the stage's `stage.json`.
        directory: the stage's directory.

    Returns:
        The stage's exit code, or None if no worker serves it and the caller should run it itself.
    """
    return _delegated(layout, content, "stage", [str(layout.root), directory])


def delegate_shard(
    layout: Layout, content: dict[str, Any], directory: str, number: int, count: int
) -> int | None:
    """Has a warm worker do a shard of a stage; as `delegate`.

    Args:
        layout: the repository.
        content: the stage's `stage.json`.
        directory: the stage's directory.
        number: of the shard.
        count: of shards.
    """
    arguments = [str(layout.root), directory, str(number), str(count)]
    return _delegated(layout, content, "shard", arguments)


def _delegated(
    layout: Layout, content: dict[str, Any], work: str, arguments: list[str]
) -> int | None:
    if not possible() or stopped(layout, content):
        return None
    served = served_by(os.environ)
    group = worker_of(content)
    path = socket_path(served, group or "heavy")
    if path is None:
        return None
    if group is None:
        # A training stage stays in this process, but its trainer finds the worker.
        if gains(content):
            os.environ[WORKER] = str(path)
        return None
    os.environ[WORKER] = str(path)
    try:
        connection = connect(path)
        # A worker that is there knows by itself whether a stage gains by it: asking costs less.
        if connection is None and gains(content):
            connection = start(layout, path, served, group)
    except OSError:
        return None
    if connection is None:
        return None
    code = _ask(connection, work, arguments)
    return None if code == DECLINED else code


def served_by(environ: Mapping[str, str]) -> int:
    """The process whose workers serve this stage, and end with it."""
    if SERVED in environ:
        return int(environ[SERVED])
    run = current(environ)
    return run.process if run else os.getppid()


def delegate_training(config: str, environ: Mapping[str, str]) -> int | None:
    """Has the worker that already serves this run train a student.

    It trains in the environment that `accelerate launch` set up, be it as one of several.

    Returns:
        The exit code, or None if there is no worker.
    """
    connection = _serving(environ)
    return None if connection is None else _ask(connection, "train", [config])


def delegate_launch(
    arguments: list[str], environ: Mapping[str, str], errors: IO[str]
) -> int | None:
    """Has the worker that already serves this run call `accelerate launch`, which imports torch.

    Args:
        arguments: of the launcher.
        environ: its environment.
        errors: where its standard error goes.

    Returns:
        The exit code, or None if there is no worker.
    """
    connection = _serving(environ)
    if connection is None:
        return None
    return _ask(connection, "launch", arguments, environ=environ, errors=errors.fileno())


def delegate_keeping(
    arguments: list[str], environ: Mapping[str, str], folder: Path, log: IO[bytes]
) -> bool:
    """Has the worker that already serves this run keep an engine, in a process that it forks.

    Args:
        arguments: of `holder.hold`.
        environ: the environment.
        folder: in which it works.
        log: gets what it says.

    Returns:
        Whether it does; it listens then, or another process does in its place.
    """
    connection = _serving(environ)
    if connection is None:
        return False
    said = log.fileno()
    code = _ask(connection, "keep", arguments, environ=environ, cwd=folder, out=said, errors=said)
    return code == 0


def _serving(environ: Mapping[str, str]) -> socket.socket | None:
    path = environ.get(WORKER)
    return connect(Path(path)) if path else None


def _ask(
    connection: socket.socket,
    work: str,
    arguments: list[str],
    *,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    out: int = 1,
    errors: int = 2,
) -> int:
    """Asks for work, by default in this directory and with this standard output.

    Returns:
        The exit code of the work, once it is done.
    """
    request = {
        "work": work,
        "arguments": arguments,
        "cwd": str(cwd or Path.cwd()),
        "environ": dict(environ),
    }
    data = json.dumps(request).encode()
    size = len(data).to_bytes(4, "big")
    # The worker's child prints to where this process does.
    descriptors = array.array("i", [out, errors]).tobytes()
    streams = (socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)
    with connection:
        connection.sendmsg([size], [streams])
        connection.sendall(data)
        answer = connection.recv(1)
    if not answer:
        print(LOST, file=sys.stderr, flush=True)
        return KILLED
    return answer[0]


def possible() -> bool:
    """Whether this machine and its user let a fork of a worker do the work."""
    if sys.platform != "linux" or os.environ.get("DATAENVGYM_WARM") == "0":
        return False
    # A process that forks must not have touched CUDA.
    return not gpu_count()


def worker_of(content: dict[str, Any]) -> Worker | None:
    """Which worker can run a stage: what its `stage.json` says, or else that of its kind."""
    named: Worker | None = content.get("worker")
    return named or KINDS[content["kind"]].worker


def gains(content: dict[str, Any]) -> bool:
    """Whether a stage gains from what a worker has imported.

    Args:
        content: its `stage.json`.
    """
    kind = KINDS[content["kind"]]
    if worker_of(content) == "light":
        return True
    try:
        parts = [part for _, part in kind.params.parse(content["params"]).components()]
        models = [part.definition for part in parts if part.slot in MODELS]
        inner = [part for whole in parts for part in whole.walk()]
        models += [part.definition for part in inner if part.on_device]
    except (KeyError, msgspec.ValidationError, UserError):
        return False  # whoever runs the stage says what is wrong
    needed = {package for definition in models for package in definition.packages}
    runs = any(definition.slot != "model" for definition in models)
    # A model that is fetched or copied, and not run, needs none of the imports.
    return (runs or bool(needed)) and needed <= IMPORTED


def socket_path(served: int, group: str) -> Path | None:
    """Where the worker of one run listens.

    None if its process is gone, or is neither a `dataenvgym run` nor DVC nor named by the user.
    """
    try:
        command = Path(f"/proc/{served}/cmdline").read_bytes()
        if SERVED not in os.environ and not re.search(rb"dvc|dataenvgym", command):
            return None
    except OSError:
        return None
    started = start_of(served)
    if started is None:
        return None
    folder = Path(tempfile.gettempdir()) / f"dataenvgym-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Whoever could put a socket there could run programs as this user.
    owner = folder.stat()
    if owner.st_uid != os.getuid() or owner.st_mode & 0o077:
        return None
    return folder / f"{served}-{started}-{group}.sock"


def connect(path: Path) -> socket.socket | None:
    """Connects to a worker; None if none listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def start(layout: Layout, path: Path, served: int, group: str) -> socket.socket | None:
    """Starts a worker and connects to it once it listens; None if it ended or takes too long."""
    module = "dataenvgym_spec.execute.warm.worker"
    command = [sys.executable, "-m", module, str(path), str(served), group]
    folder, path_of_log = workplace(layout, "warm")
    with path_of_log.open("ab") as log:
        worker = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder,
            env={**os.environ, **STEADY},
        )
    return awaited(path, worker)


def workplace(layout: Layout, log: str) -> tuple[Path, Path]:
    """Where a process works that is kept between stages, and the file that it logs to.

    Args:
        layout: the repository.
        log: name of the file, without its suffix.
    """
    lasting = os.environ.get(LASTING)
    if lasting:  # several machines may see it
        return Path(lasting), Path(lasting) / f"{log}-{socket.gethostname()}.log"
    layout.private.mkdir(exist_ok=True)
    return layout.root, layout.private / f"{log}.log"


def awaited(path: Path, process: subprocess.Popen[bytes]) -> socket.socket | None:
    """Connects to a process once it listens; None if it ended or takes too long."""
    for _ in range(START_SECONDS * 20):
        connection = connect(path)
        if connection is not None:
            return connection
        if process.poll() is not None:
            # Another one may have been faster.
            return connect(path)
        time.sleep(0.05)
    return None
