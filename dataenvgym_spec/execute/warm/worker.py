"""A warm worker: imports what stages of one kind need once per run, and forks a child per stage.

Importing torch and transformers takes longer than evaluating a small student. The worker itself
never loads a model, which its children do, and never outlives the run it serves: a `dataenvgym
run`, which calls DVC several times, or else a `dvc repro`. Many short runs share one where
`DATAENVGYM_SERVED` names a process that outlives them all. It is used on Linux without a GPU only.
Who asks it for work is in `client`.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.full import with_full_disk
from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.core.secrets import Secrets, opening
from dataenvgym_spec.execute.content import read_stage
from dataenvgym_spec.execute.warm.client import DECLINED, EXECUTOR, PRELOAD, gains
from dataenvgym_spec.execute.warm.listening import listening
from dataenvgym_spec.gym.sandboxes.shared import JUDGES, sharing
from dataenvgym_spec.language.components import built_in
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import die_with_parent

OWN: Final = (JUDGES, *STEADY)
"""Variables of the environment that are the worker's own, whoever asks."""


def serve(path: Path, served: int, group: str) -> None:
    """Listens, imports, and forks a child per request, until the process of the run is gone."""
    with listening(path, served) as found:
        if found is None:
            return
        # Both workers of a run have the same one.
        with sharing(path.with_name(path.name.removesuffix(f"{group}.sock") + "judges")):
            # Nobody waits for the children: the kernel drops them.
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            _import(PRELOAD[group])
            # Packages can be installed while it serves: each child looks for theirs itself.
            built_in()
            # Without it, collecting garbage in a child would copy the pages that it shares.
            gc.freeze()
            _answer(*found)


def _import(modules: tuple[str, ...]) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError:  # a missing extra is reported by the stage that needs it
            continue


def _answer(server: socket.socket, lifetime: int) -> None:
    """Forks a child per connection until a process, given by its descriptor, is gone."""
    watched: list[Any] = [server, lifetime]
    worker = os.getpid()
    while lifetime not in select.select(watched, [], [])[0]:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            _child(connection, worker)
        connection.close()


def _child(connection: socket.socket, worker: int) -> None:
    """Does what is asked for with the caller's output, directory and environment.

    It ends here: nothing may return into the worker's loop.
    """
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        request = _received(connection)
        if request["work"] == "keep":
            code = _keep(connection, *request["arguments"])
            return
        die_with_parent(worker)
        threading.Thread(target=_end_with, args=(connection,), daemon=True).start()
        code = WORK[request["work"]](*request["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(bytes([code]))
    except BaseException:
        traceback.print_exc()
        # Without an answer it would be taken for killed.
        with suppress(OSError):
            connection.sendall(b"\1")
    finally:
        os._exit(code)


def _keep(connection: socket.socket, path: str, served: str) -> int:
    """Keeps an engine, long after whoever asked for it has gone. It sees by itself to its end."""
    from dataenvgym_spec.execute.warm.holder import hold

    def listens() -> None:
        with suppress(OSError), connection:
            connection.sendall(b"\0")

    hold(Path(path), int(served), listens)
    return 0


def _received(connection: socket.socket) -> dict[str, Any]:
    """What is asked for, once this process stands where the caller does.

    A caller that was killed meanwhile asks for nothing, and this process ends.
    """
    head, control, _, _ = connection.recvmsg(4, socket.CMSG_LEN(8))
    if len(head) < 4 or not control:
        os._exit(1)
    data = _read(connection, int.from_bytes(head, "big"))
    request: dict[str, Any] = json.loads(data)
    descriptors = array.array("i")
    descriptors.frombytes(control[0][2])
    for number, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)
    own = {name: os.environ[name] for name in OWN if name in os.environ}
    os.environ.clear()
    os.environ.update({**request["environ"], **own})
    os.chdir(request["cwd"])
    return request


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            os._exit(1)
        data += more
    return data


def _end_with(connection: socket.socket) -> None:
    """Ends this child when its caller is gone: the stage that DVC started was killed."""
    if connection.recv(1) == b"":
        os._exit(1)


def _stage(root: str, directory: str) -> int:
    from dataenvgym_spec.execute.run import run_stage

    layout = Layout(root=Path(root))
    if not gains(read_stage(layout, directory)):
        return DECLINED
    return _exit_code(lambda: run_stage(layout, directory))


def _shard(root: str, directory: str, number: str, count: str) -> int:
    from dataenvgym_spec.execute.shards.part import Part
    from dataenvgym_spec.execute.shards.run import run_shard

    layout = Layout(root=Path(root))
    if not gains(read_stage(layout, directory)):
        return DECLINED
    part = Part(number=int(number), count=int(count))
    return _exit_code(lambda: run_shard(layout, directory, part))


def _train(config: str) -> int:
    from dataenvgym_spec.execute.training.job import run

    return run(Path(config))


def _launch(*arguments: str) -> int:
    from dataenvgym_spec.execute.training.launcher import launch

    # What is launched must end with this process, which ends with its caller.
    os.environ[EXECUTOR] = str(os.getpid())
    return launch(arguments)


WORK: Final[dict[str, Callable[..., int]]] = {
    "stage": _stage,
    "shard": _shard,
    "launch": _launch,
    "train": _train,
}


def _exit_code(work: Callable[[], object]) -> int:
    """Does work; a failure is printed as the command line prints it."""
    try:
        work()
    except UserError as error:
        message = f"error: {error.message}"
        if error.help:
            message += f"\n  = help: {error.help}"
        message = with_full_disk(message)
        print(Secrets(opening(os.environ)).hide(message), file=sys.stderr, flush=True)
        return error.exit_code
    except KeyboardInterrupt:
        message = "interrupted: nothing is lost; the same command goes on from here"
        print(message, file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    # A worker holds nothing that needs tidying; taking torch apart would take a second.
    os._exit(0)
