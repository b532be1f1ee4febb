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
from dataenvgym_spec.core.variables import ENGINES
from dataenvgym_spec.execute.warm.client import (
    IMPORTED,
    WORKER,
    awaited,
    connect,
    delegate_keeping,
    served_by,
    socket_path,
    workplace,
)
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

SHAPING: Final = ("CUDA_", "MKL_", "OMP_", "PYTORCH_", "TORCH_", "VLLM_")
OURS: Final = ("DATAENVGYM_THREADS", "DATAENVGYM_VLLM_")
"""How variables begin that change how an engine runs: another value is another engine."""
LOG: Final = "engines"
"""The file that engines log to, without its suffix."""
FREELY: Final = "freely"
"""What a backend declares that takes adapters of any shape, or none, one after the other."""
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
    """An engine, as it is asked for.

    Attributes:
        backend: the component.
        settings: how it generates.
        content: identifies what the base model holds.
        model: its folder, which may be another one the next time.
        files: the user's, by digest.
    """

    backend: dict[str, Any]
    settings: dict[str, Any]
    content: str
    model: str
    files: dict[str, str]


class Ended(StageError):
    """The process that keeps an engine ended without an answer."""


class Kept:
    """An engine that another process keeps, for one evaluation; a `Backend`."""

    def __init__(self, connection: Connection, wanted: Wanted, adapter: Path | None) -> None:
        self._connection = connection
        self.device, self.gpus, self.threads = self._ask(wanted, adapter and str(adapter))

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
            help = f"was it killed for lack of memory? {ENGINES}=0 loads a student for each stage"
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
    content: str | None,
    files: Mapping[str, Path],
) -> Iterator[Backend | None]:
    """A student in an engine that is kept for the run; None if this process has to load it itself.

    On a GPU whatever else the run keeps there ends first.

    Args:
        component: the backend.
        settings: how it generates.
        student: folder of a model, or of an adapter.
        base: the model that an adapter adapts.
        content: identifies what that, or the base itself where it is asked, holds. None of a model
            that is no base, or where nobody has worked it out.
        files: where the files lie that its options name by digest.
    """
    model, adapter = parts(student, base)
    place = wanted = None
    if content and definition(component.slot, component.kind).adapts:
        wanted = Wanted(
            backend=component.plain(),
            settings=settings.plain(),
            content=content,
            model=str(model.resolve()),
            files={name: str(path.resolve()) for name, path in files.items()},
        )
        place = socket_of(os.environ, wanted, adapter)
    if gpu_count():
        release(os.environ, but=place)
    with ExitStack() as stack:
        if place is None or wanted is None:
            yield None
        else:
            yield _brought(stack, place, wanted, adapter and adapter.resolve())


def _brought(stack: ExitStack, place: Path, wanted: Wanted, adapter: Path | None) -> Kept | None:
    """An adapter, or none, in the engine that is kept at a place; None if none can be kept."""
    for _ in range(TRIES):
        connection = _connected(place, wanted.backend["kind"])
        if connection is None:
            return None
        stack.enter_context(connection)
        with suppress(Ended):
            return Kept(connection, wanted, adapter)
    return None


def socket_of(environ: Mapping[str, str], wanted: Wanted, adapter: Path | None) -> Path | None:
    """Where the process listens that keeps an engine for a run; None where none is kept.

    Args:
        environ: names the worker of the run, whose name has the run's process.
        wanted: the engine.
        adapter: folder of one of its adapters; None for the model itself.
    """
    prefix = _prefix(environ)
    if prefix is None:
        return None
    shaping = {name: value for name, value in environ.items() if _shapes(name)}
    # Not where it lies: a machine of a cluster has the model in another folder for each stage.
    named = [wanted.backend, wanted.settings, wanted.content, sorted(wanted.files)]
    identity = digest("engine", [*named, shaping, _shape(wanted, adapter)])
    name = f"{prefix.name}{'.'.join(_gpus(environ))}-{identity[:12]}.sock"
    path = prefix.with_name(name)
    return path if len(os.fsencode(path)) <= LONGEST else None


def _shape(wanted: Wanted, adapter: Path | None) -> str | None:
    """What of an adapter an engine is made for; of one that takes any, nothing."""
    kind = wanted.backend["kind"]
    if adapter is None or definition("backend", kind).adapts == FREELY:
        return None
    return (adapter / "adapter_config.json").read_text(encoding="utf-8")


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
    if sys.platform != "linux" or "0" in (environ.get(ENGINES), environ.get("DATAENVGYM_WARM")):
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


def _connected(path: Path, kind: str) -> Connection | None:
    """A connection to the process that keeps an engine, which is started if need be."""
    try:
        found = connect(path) or _started(path, kind)
    except OSError:
        return None
    return None if found is None else Connection(found.detach())


def _started(path: Path, kind: str) -> socket.socket | None:
    found = _SOCKET.fullmatch(path.name)
    assert found is not None
    arguments = [str(path), found["served"]]
    folder, path_of_log = workplace(Layout(root=find_root()), LOG)
    imported = IMPORTED.issuperset(definition("backend", kind).packages)
    with path_of_log.open("ab") as log:
        if imported and delegate_keeping(arguments, os.environ, folder, log):
            return connect(path)
        module = "dataenvgym_spec.execute.warm.holder"
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=folder,
        )
    return awaited(path, process)
