"""Commands as a user calls them: in a process of their own where that is the subject, else inside this one."""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import io
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from math import ceil
from pathlib import Path
from typing import BinaryIO
from unittest.mock import patch

import dvc.logger  # noqa: F401  (sets up its loggers, which hold the streams of this moment)
from fsspec.implementations.memory import MemoryFileSystem

from tests.support.forks import Fork, stand

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dataenvgym_spec"
BIN = Path(sys.executable).parent

INSIDE = {
    "bundle", "compare", "compile", "components", "diff", "doctor", "explain", "gc", "graph", "init", "journal", "open",
    "plan", "preview", "report", "schema", "show", "status", "trace", "track", "validate",
}  # fmt: skip
"""Commands that leave nothing behind in the process that calls them; importing them costs up to two seconds each time."""

COPIED = {"lock", "rehearse", "replicate", "run", "ui"}
"""Commands that may leave something behind: a copy of this process, which has imported all they need, does their work."""


def environment(*, shared: bool = True, **more: str) -> dict[str, str]:
    """The environment of a user who has activated this one: offline, and without tracking by default.

    Args:
        shared: whether warm workers serve the whole test session instead of one run.
        more: other variables.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MLFLOW_", "DATAENVGYM_"))
    }
    own = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "DVC_NO_ANALYTICS": "1",
        "DATAENVGYM_TRACK": "0",
        "COLUMNS": "160",
        "DATAENVGYM_JOURNAL": str(journal_folder()),
        # A session evaluates many a base, and keeps an engine of each for so long.
        "DATAENVGYM_ENGINE_SECONDS": "60",
    }
    if shared and "PYTHONPATH" not in more:  # a worker has the packages of where it started
        own["DATAENVGYM_SERVED"] = str(session())
    return {**kept, **own, **more}


@functools.cache
def journal_folder() -> Path:
    """The journal of this process's tests, never that of who runs them."""
    folder = Path(tempfile.mkdtemp(prefix="journal-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


SESSION = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
"""The process of pytest, or what started its workers, even in a fork of it."""


def session() -> int:
    """The process whose end ends this test session."""
    return SESSION


def call(
    *command: str,
    cwd: Path,
    ok: bool = True,
    timeout: float = 400,
    apart: bool = False,
    together: bool = False,
    **more: str,
) -> subprocess.CompletedProcess[str]:
    """Runs a program as a user would.

    Args:
        command: the program and its arguments.
        cwd: the working directory.
        ok: whether another exit code than 0 is a failure of the test.
        timeout: seconds, for a process of its own or a fork.
        together: whether complaints go where the output goes.
        apart: whether it must be a process of its own; what it starts has warm workers of its own too.
        more: environment variables.
    """
    program = None if apart else _program(*command[:2])
    environ = environment(shared=not apart, **more)
    folders = more.get("PYTHONPATH", "").split(os.pathsep)
    if any(folders) and command[0] == "dvc":
        program = None  # the stages that it starts have workers of their own, which end with it
    leaving = command[0] == "dataenvgym" and command[1] in COPIED
    if program is not None and (leaving or any(folders)):
        work = functools.partial(_with_packages, folders, program)
        result = copied(
            work, *command, cwd=cwd, environ=environ, timeout=timeout, together=together
        )
    elif program is None:
        result = subprocess.run(
            command,
            cwd=cwd,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if together else subprocess.PIPE,
            text=True,
            timeout=timeout,
            check=False,
        )
    else:
        result = inside(program, *command, cwd=cwd, environ=environ, together=together)
    if ok and result.returncode:
        raise AssertionError(
            f"{' '.join(command)} exited {result.returncode}\n"
            f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
        )
    return result


def _program(name: str, command: str) -> Callable[[], object] | None:
    """What a console script calls; None where it has to be a process."""
    if name == "dvc":
        return functools.partial(_main_of, "dvc.cli")
    if name == "dataenvgym" and command in INSIDE | COPIED:
        return functools.partial(_main_of, "dataenvgym_spec.cli.main")
    return None


def _main_of(module: str) -> object:
    return importlib.import_module(module).main()


def inside(
    program: Callable[[], object],
    *command: str,
    cwd: Path,
    environ: dict[str, str],
    together: bool = False,
) -> subprocess.CompletedProcess[str]:
    """A console script in this process, with its working directory, environment, arguments and output.

    The descriptors are replaced too, so that what it starts prints to the same place.
    """
    before = Path.cwd()
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as complaints,
        patch.dict(os.environ, environ, clear=True),
        patch.object(sys, "argv", list(command)),
    ):
        os.chdir(cwd)
        try:
            errors = out if together else complaints
            with _descriptor(1, out) as first, _descriptor(2, errors) as second:
                code = _exit_code(program, first, second)
        finally:
            os.chdir(before)
        texts = [_text(file) for file in (out, complaints)]
    return subprocess.CompletedProcess(command, code, *texts)


READS_ENVIRONMENT = {"huggingface_hub"}
"""Packages that read the environment once, when they are imported."""


def copied(
    program: Callable[[], object],
    *command: str,
    cwd: Path,
    environ: dict[str, str],
    timeout: float,
    together: bool = False,
) -> subprocess.CompletedProcess[str]:
    """A console script in a fork of this process, and so is the DVC that it starts.

    A fork has the imports of this process, and what it leaves behind ends with it.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:

        def work() -> int:
            stand(cwd, environ, list(command))
            for name in [name for name in sys.modules if name.split(".")[0] in READS_ENVIRONMENT]:
                del sys.modules[name]
            errors = out if together else complaints
            with _descriptor(1, out) as first, _descriptor(2, errors) as second:
                return _exit_code(program, first, second)

        code = Fork(work, ceil(timeout)).wait()
        texts = [_text(file) for file in (out, complaints)]
    return subprocess.CompletedProcess(command, code, *texts)


def _with_packages(folders: list[str], program: Callable[[], object]) -> object:
    """What a console script calls, where the packages in some folders are installed too.

    It leaves them behind in the process, which has to be a copy.
    """
    new = [folder for folder in folders if folder and folder not in sys.path]
    sys.path[:0] = new
    for name in [name for name in sys.modules if new and name.split(".")[0] == PACKAGE.name]:
        for value in list(vars(sys.modules[name]).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()  # what is known of components is of the packages before
    return program()


def _exit_code(program: Callable[[], object], out: io.TextIOWrapper, err: io.TextIOWrapper) -> int:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _dvc_logs(out, err):
        try:
            code = program()
        except SystemExit as end:
            code = end.code
        out.flush()
        err.flush()
    forget_trees()
    return code if isinstance(code, int) else 0


def forget_trees() -> None:
    """Empties the memory in which DVC keeps the listings it hashes: it is searched from end to end for each of them."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


@contextlib.contextmanager
def _descriptor(number: int, file: BinaryIO) -> Iterator[io.TextIOWrapper]:
    """Has a standard descriptor lead to a file; yields a text stream to it."""
    kept = os.dup(number)
    os.dup2(file.fileno(), number)
    try:
        with os.fdopen(os.dup(number), "w", encoding="utf-8", errors="backslashreplace") as stream:
            yield stream
    finally:
        os.dup2(kept, number)
        os.close(kept)


@contextlib.contextmanager
def _dvc_logs(out: io.TextIOWrapper, err: io.TextIOWrapper) -> Iterator[None]:
    """DVC's loggers hold the streams that were there when DVC was imported."""
    handlers = {
        handler
        for name in ("dvc", "dvc_objects", "dvc_data")
        for handler in logging.getLogger(name).handlers
        if isinstance(handler, logging.StreamHandler)
    }
    before = {handler: handler.stream for handler in handlers}
    for handler in handlers:
        handler.stream = err if handler.level >= logging.WARNING else out
    try:
        yield
    finally:
        for handler, stream in before.items():
            handler.stream = stream


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace").replace("\r\n", "\n")


def shell(line: str, *, cwd: Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a line of a shell, with complaints among its output, in this process where it is one plain command."""
    words = shlex.split(line)
    plain = not set(line) & set("|&;<>$`*?~(){}#") and "=" not in words[0]
    if plain and _program(*words[:2]) is not None:
        return call(*words, cwd=cwd, ok=ok, together=True)
    return call("sh", "-c", f"{{ {line}\n}} 2>&1", cwd=cwd, ok=ok)


def expect_refusal(result: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    """A command said these words, no traceback, and exited with a code."""
    said = result.stdout + result.stderr
    assert result.returncode == code, said
    assert "Traceback" not in said
    for word in words:
        assert word in said, said
