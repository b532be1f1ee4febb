"""A warm worker: imports what stages of one kind need once per run, and forks a child for each stage.

Importing torch and transformers takes longer than evaluating a small student. The worker never loads a model and
never outlives the run it serves: a `dataenvgym run`, which calls DVC several times, or else a `dvc repro`. Many short
runs share one where `DATAENVGYM_SERVED` names a process that outlives them all. Keys, results and locks are the same
without it (`DATAENVGYM_WARM=0`). It is used on Linux without a GPU only: a process that forks must not have touched
CUDA.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.running import current
from dataenvgym_spec.execute.pass_through import stopped
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent

GROUPS: Final = {
    "data": "light", "reserve": "light", "generate": "light", "check": "light", "evaluate": "heavy", "student": "heavy",
}  # fmt: skip
PRELOAD: Final = {
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
START_SECONDS: Final = 90
WORKER: Final = "DATAENVGYM_WORKER"
"""The environment variable that tells a trainer where the worker of its run listens."""
SERVED: Final = "DATAENVGYM_SERVED"
"""The environment variable that names a process whose runs share their workers, such as a shell."""


def delegate(layout: Layout, content: dict[str, Any], directory: str) -> int | None:
    """Has a warm worker run a stage.

    Returns:
        The stage's exit code, or None if no worker serves it and the caller should run it itself.
    """
    if not _possible(content) or stopped(layout, content):
        return None
    served = _served(os.environ)
    path = _socket_path(served, GROUPS.get(content["kind"], "heavy"))
    if path is None:
        return None
    os.environ[WORKER] = str(path)  # a training stage stays here, but its trainer finds the worker
    if content["kind"] not in GROUPS:
        return None
    try:
        connection = _connect(path) or _start(layout, path, served, GROUPS[content["kind"]])
    except OSError:
        return None
    return None if connection is None else _ask(connection, "stage", [str(layout.root), directory])


def _served(environ: Mapping[str, str]) -> int:
    """The process whose workers serve this stage, and end with it."""
    run = current(environ)
    if SERVED in environ:
        return int(environ[SERVED])
    return run.process if run else os.getppid()


def delegate_training(config: str, environ: Mapping[str, str]) -> int | None:
    """Has the worker that already serves this run train a student, in the environment that `accelerate launch` set up.

    Returns:
        The exit code, or None if there is no worker.
    """
    path = environ.get(WORKER)
    connection = _connect(Path(path)) if path and environ.get("WORLD_SIZE", "1") == "1" else None
    return None if connection is None else _ask(connection, "train", [config])


def _ask(connection: socket.socket, work: str, arguments: list[str]) -> int:
    with connection:
        request = {
            "work": work,
            "arguments": arguments,
            "cwd": str(Path.cwd()),
            "environ": dict(os.environ),
        }
        data = json.dumps(request).encode()
        fds = array.array("i", [1, 2]).tobytes()
        connection.sendmsg(
            [len(data).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
        )
        connection.sendall(data)
        answer = connection.recv(1)
    return answer[0] if answer else 1


def _possible(content: dict[str, Any]) -> bool:
    if (
        sys.platform != "linux"
        or os.environ.get("DATAENVGYM_WARM") == "0"
        or any(Path("/dev").glob("nvidia[0-9]*"))
    ):
        return False
    vllm = content["params"].get("generate", {}).get("backend") == "vllm"
    ready_made = content["kind"] == "student" and content["params"]["model"]["kind"] != "scratch"
    return not vllm and not ready_made


def _socket_path(served: int, group: str) -> Path | None:
    """Where the worker of one run listens; None if its process is gone, or nobody's run."""
    try:
        command = Path(f"/proc/{served}/cmdline").read_bytes()
        if SERVED not in os.environ and not re.search(rb"dvc|dataenvgym", command):
            return None
        started = (
            Path(f"/proc/{served}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        )
    except OSError:
        return None
    folder = Path(tempfile.gettempdir()) / f"dataenvgym-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.stat().st_mode & 0o077:
        return None
    return folder / f"{served}-{started}-{group}.sock"


def _connect(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def _start(layout: Layout, path: Path, served: int, group: str) -> socket.socket | None:
    layout.private.mkdir(exist_ok=True)
    with (layout.private / "warm.log").open("ab") as log:
        command = [
            sys.executable,
            "-m",
            "dataenvgym_spec.execute.warm.worker",
            str(path),
            str(served),
            group,
        ]
        worker = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=layout.root,
        )
    for _ in range(START_SECONDS * 20):
        connection = _connect(path)
        if connection is not None:
            return connection
        if worker.poll() is not None:
            return None
        time.sleep(0.05)
    return None


def serve(path: Path, served: int, group: str) -> None:
    """Listens, imports, and forks a child per request, until the process of the run is gone."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        try:
            lifetime = os.pidfd_open(served)
            server.bind(str(path))
        except OSError:  # the run is over, or another worker of the same run was faster
            return
        server.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        for module in PRELOAD[group]:
            try:
                importlib.import_module(module)
            except ImportError:  # a missing extra is told by the stage that needs it
                continue
        gc.freeze()
        try:
            watched: list[Any] = [server, lifetime]
            while lifetime not in select.select(watched, [], [])[0]:
                connection, _ = server.accept()
                if os.fork() == 0:
                    server.close()
                    _child(connection)
                connection.close()
        finally:
            path.unlink(missing_ok=True)


def _child(connection: socket.socket) -> None:
    """Runs one stage with the caller's output, directory and environment, and ends: nothing may return into the worker's loop."""
    code = 1
    try:
        die_with_parent()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        request = _received(connection)
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        code = WORK[request["work"]](*request["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([code]))
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _received(connection: socket.socket) -> dict[str, Any]:
    """What is asked for, once this process stands where the caller does. A caller that was killed meanwhile asks for nothing."""
    head, control, _, _ = connection.recvmsg(4, socket.CMSG_LEN(8))
    if len(head) < 4 or not control:
        os._exit(1)
    fds = array.array("i")
    fds.frombytes(control[0][2])
    size = int.from_bytes(head, "big")
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            os._exit(1)
        data += more
    request: dict[str, Any] = json.loads(data)
    for number, fd in enumerate(fds, start=1):
        os.dup2(fd, number)
        os.close(fd)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    return request


def _end_with(connection: socket.socket) -> None:
    """Ends this child when its caller is gone: the stage that DVC started was killed."""
    if connection.recv(1) == b"":
        os._exit(1)


def _stage(root: str, directory: str) -> int:
    from dataenvgym_spec.execute.run import run_stage

    return told(lambda: run_stage(Layout(root=Path(root)), directory))


def _train(config: str) -> int:
    from dataenvgym_spec.gym.students.trainers.sft import main

    main(json.loads(Path(config).read_text(encoding="utf-8")))
    return 0


WORK: Final[dict[str, Callable[..., int]]] = {"stage": _stage, "train": _train}


def told(work: Callable[[], object]) -> int:
    """Runs work and tells its failure as the command line would; returns the exit code."""
    try:
        work()
    except UserError as error:
        print(
            f"error: {error.message}" + (f"\n  = help: {error.help}" if error.help else ""),
            file=sys.stderr,
            flush=True,
        )
        return 1
    except KeyboardInterrupt:
        print(
            "interrupted: nothing is lost; the same command goes on from here",
            file=sys.stderr,
            flush=True,
        )
        return 1
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
