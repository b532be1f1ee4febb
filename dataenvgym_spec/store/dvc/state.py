"""What DVC knows of a stage, read without importing DVC: lock files, workspace, cache and run cache.

The formats are DVC's own (dvc/stage/serialize.py, dvc/stage/cache.py, dvc_data/hashfile/tree.py, dvc_data/hashfile/db/local.py);
a contract test holds this module against the installed DVC. What lies in a remote is in `remote`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import md5_file

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
PROTECTED: Final = 0o444
"""The mode of a cached file that DVC has checked and does not check again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A stage as a `dvc.lock` or the run cache records it: hashes by path."""

    cmd: str
    deps: dict[str, str]
    outs: dict[str, str]


def read_lock(path: Path, stage: str) -> Lock | None:
    """The lock of a stage, or None if there is none.

    Raises:
        UserError: the file is damaged, or holds the marks of a merge conflict.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        plain = _plain(text)
        return _lock((plain or yaml.load(text, Loader=Loader).get("stages") or {}).get(stage))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        what = (
            "holds the marks of a merge conflict"
            if "<<<<<<<" in text
            else "is damaged or half-written"
        )
        raise UserError(
            f"'{path}' {what}",
            help=f"take one side whole: git checkout --theirs {path}   (or delete it: DVC makes it anew)",
        ) from error


_LINE: Final = re.compile(
    r"  (?P<stage>[A-Za-z][A-Za-z0-9_-]*):|    cmd: (?P<cmd>[A-Za-z][^#\n]*)|    (?P<part>deps|outs):"
    r"|    - path: (?P<path>[A-Za-z0-9_./-]+)|      md5: (?P<md5>[0-9a-f]{32}(?:\.dir)?)|      (?:hash: md5|size: [0-9]+|nfiles: [0-9]+|isexec: true)"
)


def _plain(text: str) -> dict[str, dict[str, Any]] | None:
    """The stages of a lock in the one form that DVC writes: a YAML library takes 2 ms for it. None if anything is unlike that form."""
    head, *lines = text.split("\n")
    if head != "schema: '2.0'" or lines[:1] != ["stages:"] or lines[-1]:
        return None
    stages: dict[str, dict[str, Any]] = {}
    body: dict[str, Any] = {}
    rows: list[dict[str, str]] = []
    for line in lines[1:-1]:
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        match found.lastgroup, found.group(found.lastgroup or 0):
            case "stage", name:
                body = stages[name] = {}
            case "cmd", cmd:
                if ": " in cmd or cmd.endswith((" ", ":")):
                    return None
                body["cmd"] = cmd
            case "part", part:
                rows = body[part] = []
            case "path", path:
                rows.append({"path": path})
            case "md5", digest:
                rows[-1]["md5"] = digest
    return stages


def _lock(body: dict[str, Any] | None) -> Lock | None:
    if body is None:
        return None
    deps = {item["path"]: item["md5"] for item in body.get("deps", [])}
    return Lock(
        cmd=body["cmd"],
        deps=deps,
        outs={item["path"]: item["md5"] for item in body.get("outs", [])},
    )


def read_run(text: str) -> Lock | None:
    """What an entry of the run cache says; None if it is damaged, as DVC takes it."""
    try:
        return _lock(yaml.load(text, Loader=Loader))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None


def run_key(cmd: str, deps: dict[str, str], outs: list[str]) -> str:
    """The key under which the run cache holds a command with these dependencies and outputs."""
    rows = [{"path": path, "hash": "md5", "md5": digest} for path, digest in sorted(deps.items())]
    text = json.dumps({"cmd": cmd, "deps": rows, "outs": sorted(outs)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def hash_of(path: Path, md5: Callable[[Path], str] = md5_file) -> str | None:
    """The hash that DVC gives a file or directory, or None if it is not there.

    Args:
        path: the file or directory.
        md5: how a file is hashed.
    """
    if path.is_file():
        return md5(path)
    if not path.is_dir():
        return None
    rows = [{"md5": md5(path / name), "relpath": name} for name in sorted(_files(path))]
    return (
        hashlib.md5(json.dumps(rows, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        + ".dir"
    )


def _files(folder: Path) -> Iterator[str]:
    """The files below a folder, by their relative paths. `Path.rglob` takes five times as long."""
    for current, _, names in os.walk(folder, followlinks=True):
        inner = os.path.relpath(current, folder).replace(os.sep, "/")
        yield from (name if inner == "." else f"{inner}/{name}" for name in names)


def members(text: str) -> dict[str, str] | None:
    """The hashes of a directory's files by relative path, from what DVC caches for the directory; None if it is damaged."""
    try:
        return {row["relpath"]: row["md5"] for row in json.loads(text)}
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, kw_only=True)
class Cache:
    """DVC's local cache, as it is when it is first asked about an object."""

    folder: Path
    md5: Callable[[Path], str] = md5_file
    _known: dict[str, bool] = field(default_factory=dict)

    def holds(self, digest: str) -> bool:
        """Whether a file, or a directory with all its files, can be restored."""
        if not self.has(digest):
            return False
        inner = self.listing(digest)
        return inner is not None and all(map(self.has, inner.values()))

    def listing(self, digest: str) -> dict[str, str] | None:
        """The hashes of the files that make up a result, by relative path; None if it is a directory that is not held."""
        return members(self.text(digest) or "") if digest.endswith(".dir") else {"": digest}

    def text(self, digest: str) -> str | None:
        """The content of a cached text file."""
        try:
            return Path(self._object(digest)).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def has(self, digest: str) -> bool:
        """Whether one object is held, undamaged."""
        if digest not in self._known:
            # DVC hashes an object again unless it has protected it, and drops it if it does not fit.
            path = Path(self._object(digest))
            try:
                self._known[digest] = stat.S_IMODE(path.stat().st_mode) == PROTECTED or self.md5(
                    path
                ) == digest.removesuffix(".dir")
            except OSError:
                self._known[digest] = False
        return self._known[digest]

    def _object(self, digest: str) -> str:
        # A text: of tens of thousands of these, `pathlib` would take the most time.
        return f"{self.folder}/files/md5/{digest[:2]}/{digest[2:]}"

    def run(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Lock | None:
        """What the run cache holds for a command with these dependencies and outputs."""
        key = run_key(cmd, deps, outs)
        folder = self.folder / "runs" / key[:2] / key
        entries = (
            sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
            if folder.is_dir()
            else []
        )
        return read_run(entries[-1].read_text(encoding="utf-8")) if entries else None

    def runs(self, dependency: str) -> list[Lock]:
        """All runs that read a file of this hash, the newest last."""
        return [run for text in self._runs if dependency in text if (run := read_run(text))]

    @cached_property
    def _runs(self) -> list[str]:
        entries = sorted(
            (self.folder / "runs").glob("*/*/*"), key=lambda path: path.stat().st_mtime
        )
        return [path.read_text(encoding="utf-8", errors="replace") for path in entries]
