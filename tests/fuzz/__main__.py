"""A fuzzer of specs: mutated files go through the real commands, in this process, and nothing but exit codes 0 and 2 may come out.

    python -m tests.fuzz --inputs 10000 --seed 0

It starts from the shipped specs and mutates their bytes, lines and tokens, trees, and the files they name. Time is CPU time, so
that a busy machine makes no finding; every input follows from the seed and its number.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from dataenvgym_spec.cli.main import main as command_line
from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import CODES
from tests.fuzz.mutation import SPEC, STRINGS, Files, mutated, nasty, seeds

LIMIT = 2.0
MEMORY = 2 << 30


def tell(text: str) -> None:
    """Prints a line at once."""
    print(text, flush=True)


class Hang(BaseException):
    """A command took longer than `LIMIT`. No `Exception`, so that nothing on the way takes it for its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An input that did what none may."""

    number: int
    files: Files
    command: tuple[str, ...]
    what: str


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a run has seen."""

    inputs: int = 0
    commands: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    slowest_input: str = ""
    exits: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)


# --- outcome ----------------------------------------------------------------------------------------------------------


def commands(rng: random.Random) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """What is called on an input: `validate`, and then others, more of them if the input is valid."""
    path = rng.choice(
        [
            "student.train.learning_rate",
            "task",
            "arms",
            "loop.iterations",
            rng.choice(STRINGS),
            "a." * 500,
        ]
    )
    settings = (
        (
            "--set",
            f"{rng.choice(['loop.iterations', 'student.train', 'description', 'x', path])}={nasty(rng)}",
        )
        if rng.random() < 0.15
        else ()
    )
    settings = tuple(text.replace("\0", "") for text in settings)
    more = [
        ("compile", *settings),
        ("plan",),
        ("show", "tiny", *settings),
        ("explain", "tiny", path.replace("\0", "")),
        ("graph", "tiny"),
        ("compile", "--check"),
    ]
    return (
        "validate",
        *rng.choice([(), (SPEC,)]),
        *rng.choice([(), ("--json",)]),
        *settings,
    ), rng.sample(more, 3)


def run(arguments: tuple[str, ...], *, encoding: str = "utf-8") -> tuple[int, str, str]:
    """A command in this process: exit code, output, complaints. The output is a stream of bytes with an encoding, as a user's is."""
    out, complaints = (
        io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2)
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
    texts = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, complaints)]  # type: ignore[attr-defined]
    return int(code or 0), texts[0], texts[1]


def judge(
    files: Files, arguments: tuple[str, ...], folder: Path, tally: Tally, *, encoding: str = "utf-8"
) -> str:
    """What is wrong with what a command does with some files; empty if nothing is."""
    _lay_out(files, folder)
    start = time.process_time()
    try:
        with _limited():
            code, out, complaints = run(arguments, encoding=encoding)
            problem = _problem(code, out, complaints, arguments, folder)
    except Hang:
        return f"takes more than {LIMIT} s\n{traceback.format_exc(limit=-6)}"
    except BaseException as error:
        return f"{type(error).__name__} escapes\n{traceback.format_exc(limit=-6)}"
    spent = time.process_time() - start
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
        return _emitted(folder)
    if arguments == ("show", "tiny") and code == 0 and "\n---\n" not in out:
        return _shown(out, folder)
    return ""


def _emitted(folder: Path) -> str:
    """Nothing that a spec says reaches a command."""
    stage = 'exec env PATH="$PATH:../../.venv/bin" dataenvgym stage'
    for path in folder.glob("store/*/dvc.yaml"):
        (body,) = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"].values()
        if body["cmd"] != stage or any("${" in item for item in [*body["deps"], *body["outs"]]):
            return f"{path} runs {body}"
    for name, body in (
        yaml.safe_load((folder / "dvc.yaml").read_text(encoding="utf-8")).get("stages") or {}
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
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


# --- a run ------------------------------------------------------------------------------------------------------------


def fuzz(inputs: int, *, seed: int, first: int = 0, say: Callable[[str], None] = tell) -> Tally:
    """Tries inputs `first` to `first + inputs` of a seed."""
    tally, corpus, before = Tally(), seeds(), Path.cwd()
    start = time.process_time()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.chdir(folder)
        try:
            for number in range(first, first + inputs):
                _one(number, seed, corpus, folder, tally, say)
                if (number + 1) % 500 == 0:
                    say(
                        f"{number + 1} inputs, {time.process_time() - start:.0f} s, slowest {tally.slowest:.2f} s, {len(tally.findings)} findings"
                    )
        finally:
            os.chdir(before)
    tally.seconds = time.process_time() - start
    return tally


def _one(
    number: int,
    seed: int,
    corpus: list[Files],
    folder: Path,
    tally: Tally,
    say: Callable[[str], None],
) -> None:
    rng = random.Random(f"{seed}/{number}")
    files = mutated(rng, corpus)
    encoding = rng.choice(["utf-8", "utf-8", "utf-8", "ascii"])
    tally.inputs = number
    first, more = commands(rng)
    valid = tally.exits["validate 0"]
    for index, arguments in enumerate([first, *more]):
        problem = judge(files, arguments, folder, tally, encoding=encoding)
        if not problem and index == 0 and tally.exits["validate 0"] == valid and rng.random() < 0.8:
            break  # most broken inputs are broken for every command alike
        if problem:
            say(f"input {number}: {' '.join(arguments)[:200]!r}: {problem}")
            tally.findings.append(
                Finding(number=number, files=files, command=arguments, what=problem)
            )
            break


def smaller(found: Finding, folder: Path, tries: int = 150) -> Files:
    """The finding's files with lines left out as long as something stays wrong."""
    files, rng = dict(found.files), random.Random(0)
    for _ in range(tries):
        name = rng.choice(sorted(files))
        lines = files[name].split(b"\n")
        at, count = rng.randrange(len(lines)), rng.choice([1, 1, 3, 10])
        tried = {**files, name: b"\n".join(lines[:at] + lines[at + count :])}
        if judge(tried, found.command, folder, Tally()):
            files = tried
    return files


def save(found: Finding, folder: Path) -> Path:
    """Keeps a finding where it can be looked at."""
    target = folder / f"input-{found.number}"
    for name, data in found.files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    (target / "what.txt").write_text(
        f"{found.command!r}\n{found.what}\n", encoding="utf-8", errors="backslashreplace"
    )
    return target


def main() -> None:
    """The command line of the fuzzer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-findings")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    tally = fuzz(options.inputs, seed=options.seed, first=options.first)
    for found in tally.findings[:20]:
        with tempfile.TemporaryDirectory() as name:
            here = Path.cwd()
            os.chdir(name)
            least = Finding(
                number=found.number,
                files=smaller(found, Path(name).resolve()),
                command=found.command,
                what=found.what,
            )
            os.chdir(here)
        print("kept in", save(least, options.keep))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{options.inputs} inputs, {tally.commands} commands, {tally.seconds:.0f} s of CPU, peak {peak:.0f} MiB, slowest {tally.slowest:.2f} s ({tally.slowest_input})"
    )
    print(f"exits: {dict(sorted(tally.exits.items()))}; findings: {len(tally.findings)}")
    sys.exit(1 if tally.findings else 0)


if __name__ == "__main__":
    main()
