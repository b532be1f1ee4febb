"""Damaged files of a repository that has finished: locks, plans, results, logs, indexes and the journal, and what commands say of them.

Whoever merges, edits, copies or loses a disk can leave any of these files in any state. A command that reads them may refuse, with
an exit code of 2, or say what is missing; it may not fall over, hang or print what a terminal obeys.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dataenvgym_spec.cli.teaching import PARTS
from tests.fuzz.judge import ENDLESS, Finding, Tally, called
from tests.fuzz.mutation import Files, lines_of, nasty, octets, seeds, tokens, tree
from tests.fuzz.responses import (
    DAMAGED,
    EXPORT,
    forgotten,
    journal_of,
    service_written,
    with_journal,
)
from tests.fuzz.search import tell
from tests.fuzz.small import small

INDEX = "experiments/tiny.json"
OTHERS = ("dvc.yaml", INDEX, "prices.yaml", ".dvc/config", ".gitattributes")
"""What is damaged besides the files of the store."""
READING: tuple[tuple[str, ...], ...] = (
    ("status",),
    ("plan", "tiny"),
    ("plan", "tiny", "--json"),
    ("report", "tiny"),
    ("report", "tiny", "ledger"),
    ("report", "tiny", "allocation"),
    ("compile", "--check"),
    ("gc", "--json"),
    ("explain", "tiny", "loop.iterations"),
    ("graph", "tiny"),
    ("diff", "specs/tiny.yaml", "specs/tiny.yaml"),
    ("journal", "info"),
    ("journal", "export", "exported.jsonl"),
    ("export", "tiny", "--arm", "with-state"),
    ("compare", "tiny"),
    ("trace", "0"),
    ("bundle", "tiny", "--with", "results,students,journal"),
    ("doctor",),
    ("verify",),
)
"""What is called. `compile` repairs most of it, which `COMPILED` asks for."""
JOURNAL: tuple[tuple[str, ...], ...] = (
    ("journal", "info"),
    ("journal", "export", "exported.jsonl"),
    ("journal", "import", EXPORT),
    ("journal", "rebuild"),
    ("bundle", "tiny", "--with", "journal"),
)
"""What is called besides where the journal is damaged, in any order: some write into it."""
REPLAY = ("run", "tiny", "--replay")
APART: tuple[tuple[str, ...], ...] = (
    ("track",),
    ("replicate", "tiny", "--stages", "generate"),
    REPLAY,
)
"""What is called seldom, in a process of its own: they take seconds, or leave something behind."""
BY_INDEX: tuple[tuple[str, ...], ...] = (
    ("report", "tiny"),
    ("report", "tiny", "--runs"),
    *(("report", "tiny", part) for part in PARTS),
    ("compare", "tiny"),
    ("trace", "0"),
    ("export", "tiny", "--arm", "with-state"),
    ("status", "tiny"),
    ("bundle", "tiny"),
)
"""What is called where the index alone is damaged: all that reads it."""
AIMED = 0.1
"""The share of repositories whose index alone is damaged, by small edits of valid JSON."""
SELDOM = 0.02
"""The share of repositories that one of them is called in."""
COMPILED = ("compile",)
ANSWERS = {0, 1, 2}
"""0, 2 for what is refused, and 1 where a command says that something is not as it should be."""


def damageable(repo: Path) -> list[str]:
    """The files that are damaged, by kind, so that a kind with many files is not all there is."""
    store = [path for path in repo.glob("store/*/**/*") if path.is_file()]
    names = [path.relative_to(repo).as_posix() for path in store]
    names += [name for name in (*OTHERS, *DAMAGED) if (repo / name).is_file()]
    names += [path.relative_to(repo).as_posix() for path in repo.glob(".dvc/cache/runs/*/*/*")]
    return sorted(names)


def kinds(names: list[str]) -> dict[str, list[str]]:
    """Files by what they are: the name without the stage that they belong to."""
    found: dict[str, list[str]] = {}
    for name in names:
        head, _, rest = name.partition("/")
        kind = rest.partition("-")[0] + "/" + rest.partition("/")[2] if head == "store" else head
        kind = name if name in DAMAGED else kind
        found.setdefault(kind, []).append(name)
    return found


def damaged(
    rng: random.Random,
    repo: Path,
    names: dict[str, list[str]],
    corpus: list[Files],
    *,
    aimed: float = AIMED,
) -> Files:
    """The new content of one to four files; a file that is lost is not among the keys' contents."""
    if rng.random() < aimed and (repo / INDEX).is_file():
        return {INDEX: small((repo / INDEX).read_bytes(), rng)}
    files: Files = {}
    # A fifth of all is damage of the journal, which has three of about eighty kinds of files.
    kinds_of = sorted(set(names) & set(DAMAGED) if rng.random() < 0.2 else names)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        name = rng.choice(names[rng.choice(kinds_of)])
        data = (repo / name).read_bytes()
        files[name] = _changed(data, rng, repo, names, corpus)
    return files


def _changed(
    data: bytes, rng: random.Random, repo: Path, names: dict[str, list[str]], corpus: list[Files]
) -> bytes:
    match rng.randrange(11):
        case 0:
            return b""
        case 1:
            return data[: rng.randrange(len(data) + 1)]
        case 2:
            return b"<<<<<<< HEAD\n" + data + b"=======\n" + data[::-1] + b">>>>>>> theirs\n"
        case 3:
            other = rng.choice(names[rng.choice(sorted(names))])
            return (repo / other).read_bytes()
        case 4:
            return nasty(rng).encode("utf-8", "replace")
        case 5:
            return _row(data, rng, corpus)
        case 6 | 7:
            return small(data, rng)
        case level:
            return (octets, lines_of, tokens)[level - 8](data, rng, corpus)[:600_000]


def _row(data: bytes, rng: random.Random, corpus: list[Files]) -> bytes:
    """Changes a place in a file of JSON, or in one of the rows of a file of them."""
    rows = data.split(b"\n")
    at = rng.randrange(len(rows))
    try:
        json.loads(data)
    except ValueError:
        rows[at] = tree(rows[at], rng, corpus)
        return b"\n".join(rows)
    return tree(data, rng, corpus)


def _wrong(arguments: tuple[str, ...], code: int, out: str, said: str) -> str:
    """What is wrong with what a command did in a damaged repository; empty if nothing is."""
    if code not in ANSWERS:
        return f"exit code {code}: {said[-3000:]}"
    if "Traceback" in said + out or "internal error" in said:
        return said[-3000:] or out[-3000:]
    odd = (out + said).replace("\n", "").replace("\t", "")
    # What `export` prints is a file.
    if not odd.isprintable() and arguments[0] != "export":
        at = odd.index(next(letter for letter in odd if not letter.isprintable()))
        return f"a character that a terminal obeys: {odd[max(0, at - 60) : at + 60]!r}"
    if [path for path in Path.cwd().rglob("*MARKER*") if path.is_file()]:
        return "something of a file was executed"
    return ""


def fuzz_kept(
    inputs: int,
    *,
    seed: int,
    first: int = 0,
    limit: float = ENDLESS,
    say: Callable[[str], None] = tell,
    finished: Path | None = None,
    seldom: float = SELDOM,
    aimed: float = AIMED,
) -> Tally:
    """Damages a finished repository in `inputs` ways of a seed, each with three commands or more.

    Args:
        inputs: how many.
        seed: of all that is drawn.
        first: the number of the first.
        limit: how many seconds of CPU a command may take.
        say: is told of findings and of progress.
        finished: a repository with the experiment `tiny`, finished, which is copied; one whose
            examples a service wrote is made if there is none.
        seldom: the share of repositories in which a command is called that takes seconds.
        aimed: the share of those whose index alone is damaged, by small edits of valid JSON.
    """
    tally, corpus, before = Tally(limit=limit), seeds(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder).resolve()
        repo, copy = base / "finished", base / "repo"
        if finished is None:
            service_written(repo)
        else:
            shutil.copytree(finished, repo, symlinks=True)
        with_journal(repo)
        names = kinds(damageable(repo))
        start = time.process_time()
        try:
            for number in range(first, first + inputs):
                _renew(repo, copy)
                os.chdir(copy)
                rng = random.Random(f"kept/{seed}/{number}")
                files = damaged(rng, repo, names, corpus, aimed=aimed)
                with journal_of(copy):
                    _one(number, rng, files, copy, tally, say, seldom=seldom)
                if (number + 1) % 500 == 0:
                    say(f"{number + 1} repositories, {len(tally.findings)} findings")
        finally:
            os.chdir(before)
    tally.seconds = time.process_time() - start
    return tally


def _renew(repo: Path, copy: Path) -> None:
    """Makes a copy what the repository is. What is as it was stays: to make folders is dear."""
    wanted = {path.relative_to(repo) for path in repo.rglob("*")}
    for path in sorted(copy.rglob("*"), reverse=True):
        name = path.relative_to(copy)
        if name in wanted and _is_as_it_was(repo / name, path):
            wanted.remove(name)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name in sorted(wanted):
        source, target = repo / name, copy / name
        if source.is_symlink():
            target.symlink_to(source.readlink())
        elif source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(str(source), str(target))


def _is_as_it_was(source: Path, path: Path) -> bool:
    """Whether it is the same folder, or the very file, which nothing writes in place."""
    if source.is_symlink() or path.is_symlink():
        return source.is_symlink() and path.is_symlink() and source.readlink() == path.readlink()
    return (source.is_dir() and path.is_dir()) or path.samefile(source)


def _link(source: str, target: str) -> None:
    # A database is written in place.
    written = (".db", ".sqlite", "/.dvc/tmp/")
    if any(part in source for part in written) or source.endswith(("index", ".lock", "rwlock")):
        shutil.copy2(source, target)
    else:
        os.link(source, target)


def _one(
    number: int,
    rng: random.Random,
    files: Files,
    copy: Path,
    tally: Tally,
    say: Callable[[str], None],
    *,
    seldom: float,
) -> None:
    tally.inputs = number
    for name, data in files.items():
        (copy / name).unlink()
        if data or rng.random() < 0.5:
            (copy / name).write_bytes(data)
    encoding = rng.choice(["utf-8", "utf-8", "ascii"])
    chosen = rng.sample(READING, 3)
    if set(files) == {INDEX}:
        chosen = [*rng.sample(BY_INDEX, 4), *chosen[:1]]
    if set(files) & set(DAMAGED):
        chosen = [*rng.sample(JOURNAL, len(JOURNAL)), *chosen[:1]]
    if rng.random() < 0.2:
        chosen.append(COMPILED)
    if rng.random() < seldom:
        chosen.append(rng.choice(APART))
    for arguments in chosen:
        problem = (
            _apart(arguments, files, copy, tally)
            if arguments in APART
            else called(arguments, tally, partial(_wrong, arguments), encoding=encoding)
        )
        if problem:
            say(f"repository {number}: {' '.join(arguments)!r} with {sorted(files)}: {problem}")
            tally.findings.append(
                Finding(number=number, files=files, command=arguments, what=problem)
            )
            return


def _apart(arguments: tuple[str, ...], files: Files, copy: Path, tally: Tally) -> str:
    """What is wrong with what a command does in a process of its own; empty if nothing is."""
    before = forgotten(copy) if arguments == REPLAY else {}
    program = "from dataenvgym_spec.cli.main import main; main()"
    own = {"DATAENVGYM_TRACK": "0", "OMP_NUM_THREADS": "1", "NO_COLOR": "1"}
    environ = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=copy,
        env={**environ, **own},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    tally.commands += 1
    tally.exits[f"{arguments[0]} {done.returncode}"] += 1
    after = {path: path.read_bytes() for path in before if path.is_file()}
    # Rows of the journal have checksums; an export is what a person has chosen to believe.
    if after and before != after and set(files) <= {*DAMAGED} - {EXPORT}:
        return "what was replayed from a damaged journal is not what was answered"
    return _wrong(arguments, done.returncode, done.stdout, done.stderr)
