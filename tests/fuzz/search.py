"""Many mutated inputs, each with the commands that are called on it."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fuzz.judge import ENDLESS, Finding, Tally, judge
from tests.fuzz.mutation import SPEC, STRINGS, Files, mutated, nasty, seeds


def tell(text: str) -> None:
    """Prints a line at once."""
    print(text, flush=True)


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


@contextmanager
def timed(tally: Tally) -> Iterator[Path]:
    """A folder to work in, of which nothing is left, and how long that takes."""
    before, start = Path.cwd(), time.process_time()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.chdir(folder)
        try:
            yield folder
        finally:
            os.chdir(before)
    tally.seconds = time.process_time() - start


def fuzz(
    inputs: int,
    *,
    seed: int,
    first: int = 0,
    limit: float = ENDLESS,
    say: Callable[[str], None] = tell,
) -> Tally:
    """Tries inputs `first` to `first + inputs` of a seed; a command may take `limit` s of CPU."""
    tally, corpus = Tally(limit=limit), seeds()
    start = time.process_time()
    with timed(tally) as folder:
        for number in range(first, first + inputs):
            _one(number, seed, corpus, folder, tally, say)
            if (number + 1) % 500 == 0:
                say(
                    f"{number + 1} inputs, {time.process_time() - start:.0f} s, slowest {tally.slowest:.2f} s, {len(tally.findings)} findings"
                )
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


def smaller(found: Finding, folder: Path, limit: float, tries: int = 150) -> Files:
    """The finding's files with lines left out as long as something stays wrong."""
    files, rng = dict(found.files), random.Random(0)
    for _ in range(tries):
        name = rng.choice(sorted(files))
        lines = files[name].split(b"\n")
        at, count = rng.randrange(len(lines)), rng.choice([1, 1, 3, 10])
        tried = {**files, name: b"\n".join(lines[:at] + lines[at + count :])}
        if judge(tried, found.command, folder, Tally(limit=limit)):
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
