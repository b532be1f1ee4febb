"""What is wrong with what a command does with some files."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dataenvgym_spec.cli.main import main as command_line
from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import CODES
from dataenvgym_spec.store.dvc.dialect import load
from tests.fuzz.mutation import SPEC, Files

ENDLESS = 60.0
"""CPU seconds after which a command is taken for a loop without end: a guard, and no measure."""


class Hang(BaseException):
    """A command took longer than it may. No `Exception`, so that nothing on the way takes it for its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An input that did what none may."""

    number: int
    files: Files
    command: tuple[str, ...]
    what: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a run has seen; `limit` is how many seconds of CPU a command may take."""

    limit: float = ENDLESS

    inputs: int = 0
    commands: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_input: str = ""
    exits: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


def run(arguments: tuple[str, ...], *, encoding: str = "utf-8") -> tuple[int, str, str]:
    """A command in this process: exit code, output, complaints. The output is a stream of bytes with an encoding, as a user's is."""
    written = [io.BytesIO(), io.BytesIO()]
    out, complaints = (
        io.TextIOWrapper(buffer, encoding=encoding, write_through=True) for buffer in written
    )
    code: Any = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(complaints),
        patch.object(sys, "argv", ["dataenvgym", *arguments]),
    ):
        try:
            command_line()
        except SystemExit as end:
            code = end.code
    # Click writes UTF-8 where a terminal says ASCII.
    texts = [buffer.getvalue().decode("utf-8", "replace") for buffer in written]
    return int(code or 0), texts[0], texts[1]


def judge(
    files: Files, arguments: tuple[str, ...], folder: Path, tally: Tally, *, encoding: str = "utf-8"
) -> str:
    """What is wrong with what a command does with some files; empty if nothing is."""
    _lay_out(files, folder)

    def wrong(code: int, out: str, complaints: str) -> str:
        return _problem(code, out, complaints, arguments, folder)

    return called(arguments, tally, wrong, encoding=encoding)


def called(
    arguments: tuple[str, ...],
    tally: Tally,
    wrong: Callable[[int, str, str], str],
    *,
    encoding: str = "utf-8",
) -> str:
    """What is wrong with a command: that it hangs or falls over, or what `wrong` says of its exit code, output and complaints."""
    start = time.process_time()
    try:
        with limited(tally.limit):
            code, out, complaints = run(arguments, encoding=encoding)
        spent = time.process_time() - start
        # What it left behind is looked at on the fuzzer's own time: a thousand stages take longer to read than to write.
        with limited(tally.limit):
            problem = wrong(code, out, complaints)
    except Hang:
        return f"takes more than {tally.limit} s\n{traceback.format_exc(limit=-6)}"
    except BaseException as error:
        return f"{type(error).__name__} escapes\n{traceback.format_exc(limit=-6)}"
    tally.commands += 1
    tally.exits[f"{arguments[0]} {code}"] += 1
    if spent > tally.slowest:
        tally.slowest, tally.slowest_input = spent, f"{tally.inputs} {' '.join(arguments)[:80]!r}"
    return problem


def _problem(code: int, out: str, complaints: str, arguments: tuple[str, ...], folder: Path) -> str:
    if code not in (0, 2):
        return f"exit code {code}: {complaints[-3000:]}"
    if "Traceback" in complaints or "internal error" in complaints:
        return complaints[-3000:]
    if [path for path in folder.rglob("*MARKER*") if path.is_file()]:
        return "something of the spec was executed"
    if "--json" in arguments and out:
        for item in json.loads(out)["diagnostics"]:
            if (
                item["code"] not in CODES
                or not item["help"]
                or not ("line" in item or item["code"] == "E001")
            ):
                return f"a diagnostic without place or remedy: {item}"
    if arguments[0] == "compile" and code == 0:
        return emitted(folder)
    if arguments == ("show", "tiny") and code == 0 and "\n---\n" not in out:
        return _shown(out, folder)
    return ""


def emitted(folder: Path) -> str:
    """Nothing that a spec says reaches a command."""
    stage = 'exec env PATH="$PATH:../../.venv/bin" dataenvgym stage'
    for path in folder.glob("store/*/dvc.yaml"):
        (body,) = load(path.read_text(encoding="utf-8"))["stages"].values()
        if body["cmd"] != stage or any("${" in item for item in [*body["deps"], *body["outs"]]):
            return f"{path} runs {body}"
    for name, body in (
        load((folder / "dvc.yaml").read_text(encoding="utf-8")).get("stages") or {}
    ).items():
        if (
            body["cmd"] != f'exec env PATH="$PATH:.venv/bin" dataenvgym stage {name}'
            or not name.replace("-", "").replace("_", "").isalnum()
            or not name.isascii()
        ):
            return f"dvc.yaml runs {body}"
    return ""


def _shown(text: str, folder: Path) -> str:
    """What `show` prints compiles to the same keys."""
    before = _keys(folder / SPEC, folder)
    copy = folder / "specs" / "shown.yml"
    copy.write_text(text, encoding="utf-8")
    after = _keys(copy, folder)
    return "" if before == after else f"what 'show' prints is another experiment:\n{text}"


def _keys(path: Path, folder: Path) -> set[str]:
    return {stage.id for stage in lower(front_end([path], root=folder)).graph.stages}


def _lay_out(files: Files, folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / ".dvc" / "tmp").mkdir(parents=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
