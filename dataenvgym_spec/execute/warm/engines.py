"""Has an evaluation answered by an engine that is kept: the model is loaded once, adapters change.

Loading a model is most of a small evaluation, and of all evaluations of a study the base model is
the same. The process that keeps it is in `holder`; it serves one evaluation after the other, and
what it answers is byte for byte what an engine that is started for one evaluation answers. Keys,
results and locks are the same without it (`DATAENVGYM_ENGINES=0`).
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import digest
from dataenvgym_spec.core.machine import gpu_count
from dataenvgym_spec.core.room import gpus_named
from dataenvgym_spec.execute.warm.client import WORKER, awaited, connect, served_by, socket_path
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.gym.prompt import Prompt
from dataenvgym_spec.gym.students.backends.loading import parts
from dataenvgym_spec.gym.students.backends.protocol import (
    Backend,
    Completion,
    GenerationSettings,
)
from dataenvgym_spec.language.components import definition
from dataenvgym_spec.store.layout import Layout, find_root

SWITCH: Final = "DATAENVGYM_ENGINES"
"""The environment variable that, set to 0, has each evaluation load its student itself."""
SHAPING: Final = ("CUDA_", "MKL_", "OMP_", "PYTORCH_", "TORCH_", "VLLM_")
OURS: Final = ("DATAENVGYM_THREADS", "DATAENVGYM_VLLM_")
"""How variables begin that change how an engine runs: another value is another engine."""
TRIES: Final = 3
"""An engine can end just when it is asked for: another one is started then."""
LONGEST: Final = 107
"""Bytes of the path of a socket (`sun_path` of Linux)."""
ALL: Final = "all"
"""In the name of an engine, that it may use every GPU."""
_SOCKET: Final = re.compile(
    r"(?P<served>\d+)-(?P<started>\d+)-(engine-(?P<gpus>[\w.]*)-)?\w+\.sock"
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An engine, as it is asked for. Adapters that differ in shape have different ones.

    Attributes:
        backend: the component.
        settings: how it generates.
        model: folder of the base model.
        files: the user's, by digest.
    """

    backend: dict[str, Any]
    settings: dict[str, Any]
    model: str
    files: dict[str, str]


class Ended(StageError):
    """The process that keeps an engine ended without an answer."""


class Kept:
    """An engine that another process keeps, for one evaluation; a `Backend`."""

    def __init__(self, connection: Connection, wanted: Wanted, adapter: Path) -> None:
        self._connection = connection
        self.device, self.gpus = self._ask(wanted, str(adapter))

    def generate(
        self, prompts: Sequence[Prompt | str], seeds: Sequence[int] = ()
    ) -> list[Completion]:
        """Completes prompts, in their order."""
        completions: list[Completion] = self._ask(list(prompts), list(seeds))
        return completions

    def groups(self, prompts: Sequence[Prompt | str]) -> list[list[int]]:
        """Which prompts are generated side by side; of a backend that says so."""
        groups: list[list[int]] = self._ask(list(prompts), None)
        return groups

    def _ask(self, *request: Any) -> Any:
        try:
            self._connection.send(request)
            answered, content = self._connection.recv()
        except (EOFError, ConnectionError) as error:
            help = f"was it killed for lack of memory? {SWITCH}=0 loads a student for each stage"
            raise Ended("the process that keeps the engine ended", help=help) from error
        if not answered:
            message, help = content
            raise StageError(message, help=help)
        return content


@contextmanager
def kept_engine(
    component: Component,
    *,
    settings: GenerationSettings,
    student: Path,
    base: Path | None,
    files: Mapping[str, Path],
) -> Iterator[Backend | None]:
    """A student in an engine that is kept for the run; None if this process has to load it itself.

    On a GPU whatever else the run keeps there ends first.

    Args:
        component: the backend.
        settings: how it generates.
        student: folder of a model, or of an adapter.
        base: the model that an adapter adapts.
        files: where the files lie that its options name by digest.
    """
    model, adapter = parts(student, base)
    place = wanted = None
    if adapter is not None and definition(component.slot, component.kind).adapts:
        wanted = Wanted(
            backend=component.plain(),
            settings=settings.plain(),
            model=str(model.resolve()),
            files={name: str(path.resolve()) for name, path in files.items()},
        )
        place = socket_of(os.environ, wanted, adapter)
    if gpu_count():
        release(os.environ, but=place)
    with ExitStack() as stack:
        if place is None or wanted is None or adapter is None:
            yield None
        else:
            yield _brought(stack, place, wanted, adapter.resolve())


def _brought(stack: ExitStack, place: Path, wanted: Wanted, adapter: Path) -> Kept | None:
    """An adapter in the engine that is kept at a place; None if none can be kept."""
    for _ in range(TRIES):
        connection = _connected(place)
        if connection is None:
            return None
        stack.enter_context(connection)
        with suppress(Ended):
            return Kept(connection, wanted, adapter)
    return None


def socket_of(environ: Mapping[str, str], wanted: Wanted, adapter: Path) -> Path | None:
    """Where the process listens that keeps an engine for a run; None where none is kept.

    Args:
        environ: names the worker of the run, whose name has the run's process.
        wanted: the engine.
        adapter: folder of one of its adapters.
    """
    prefix = _prefix(environ)
    if prefix is None:
        return None
    shaping = {name: value for name, value in environ.items() if _shapes(name)}
    said = (adapter / "adapter_config.json").read_text(encoding="utf-8")
    model = Path(wanted.model)
    # A stage that is made again has another model at the same place.
    stats = [(path.name, path.stat()) for path in sorted(model.iterdir()) if path.is_file()]
    content = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]
    identity = digest("engine", [msgspec.to_builtins(wanted), shaping, said, content])
    name = f"{prefix.name}{'.'.join(_gpus(environ))}-{identity[:12]}.sock"
    path = prefix.with_name(name)
    return path if len(os.fsencode(path)) <= LONGEST else None


def release(environ: Mapping[str, str], but: Path | None = None) -> None:
    """Ends the engines that a run keeps on any GPU of this process, and waits until they ended.

    Args:
        environ: names the worker of the run, and the GPUs.
        but: one that stays.
    """
    prefix = _prefix(environ)
    if prefix is None:
        return
    wanted = _gpus(environ)
    for path in sorted(prefix.parent.glob(f"{prefix.name}*.sock")):
        found = _SOCKET.fullmatch(path.name)
        if path == but or found is None or not _meet(wanted, found["gpus"].split(".")):
            continue
        connection = connect(path)
        if connection is not None:
            with Connection(connection.detach()) as asked:
                asked.send(None)
                # Nothing comes: it ends, and the connection with it.
                asked.poll(None)


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
    if sys.platform != "linux" or "0" in (environ.get(SWITCH), environ.get("DATAENVGYM_WARM")):
        return None
    # A stage that a warm worker runs is no child of the run. On a GPU there is no such worker.
    named = environ.get(WORKER)
    worker = Path(named) if named else socket_path(served_by(environ), "heavy")
    found = None if worker is None else _SOCKET.fullmatch(worker.name)
    if worker is None or found is None:
        return None
    return worker.with_name(f"{found['served']}-{found['started']}-engine-")


def _shapes(name: str) -> bool:
    return name.startswith((*SHAPING, *OURS))


def _connected(path: Path) -> Connection | None:
    """A connection to the process that keeps an engine, which is started if need be."""
    try:
        found = connect(path) or _started(path)
    except OSError:
        return None
    return None if found is None else Connection(found.detach())


def _started(path: Path) -> socket.socket | None:
    layout, found = Layout(root=find_root()), _SOCKET.fullmatch(path.name)
    assert found is not None
    module = "dataenvgym_spec.execute.warm.holder"
    layout.private.mkdir(exist_ok=True)
    with (layout.private / "engines.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(path), found["served"]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=layout.root,
        )
    return awaited(path, process)
