"""What DVC knows of a stage, read without importing DVC: locks, workspace, cache and run cache.

The formats are DVC's own (dvc/stage/serialize.py, dvc/stage/cache.py,
dvc_data/hashfile/tree.py, dvc_data/hashfile/db/local.py); a contract test compares this module with
the installed DVC. What a remote holds is in `remote`.
"""

from __future__ import annotations

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
from dataenvgym_spec.core.hashing import md5_file, md5_text, sha256_text
from dataenvgym_spec.core.ignored import Ignored
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.dvc.dialect import load
from dataenvgym_spec.store.dvc.run_cache import RunCache

_LISTING: Final = json.JSONEncoder(sort_keys=True)
"""How DVC writes what a directory holds."""
PROTECTED: Final = 0o444
"""The mode of a cached file that DVC has checked and does not check again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLock:
    """A stage as a `dvc.lock` or the run cache records it: hashes by path."""

    cmd: str
    deps: dict[str, str]
    outs: dict[str, str]


def read_lock(path: Path, stage: str) -> StageLock | None:
    """The lock of a stage, or None if there is none.

    Raises:
        UserError: the file is damaged, or holds the marks of a merge conflict.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise _damaged(path) from error
    return lock_in(text, stage, path)


def lock_in(text: str, stage: str, path: Path) -> StageLock | None:
    """The lock of a stage in the text of a `dvc.lock`, or None if there is none.

    Args:
        text: what the file holds.
        stage: the stage's name.
        path: the file, for messages.

    Raises:
        UserError: it is damaged, or holds the marks of a merge conflict.
    """
    try:
        stages = _plain(text) or load(text).get("stages") or {}
        return _lock(stages.get(stage))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise _damaged(path, conflict="<<<<<<<" in text) from error


def _damaged(path: Path, *, conflict: bool = False) -> UserError:
    what = "holds the marks of a merge conflict" if conflict else "is damaged or half-written"
    remedy = (
        f"take one side whole: git checkout --theirs {path}   (or delete it: DVC makes it anew)"
    )
    return UserError(f"'{path}' {what}", help=remedy)


_UNCOUNTED: Final = ("size", "nfiles")
_LINE: Final = re.compile(
    r"""
      [ ]{2}(?P<stage>[A-Za-z][A-Za-z0-9_-]*):
    | [ ]{4}cmd:[ ](?P<cmd>[A-Za-z][^#\n]*)
    | [ ]{4}(?P<part>deps|outs):
    | [ ]{4}-[ ]path:[ ](?P<path>[A-Za-z0-9_./-]+)
    | [ ]{6}md5:[ ](?P<md5>[0-9a-f]{32}(?:\.dir)?)
    | [ ]{6}(?:hash:[ ]md5|size:[ ][0-9]+|nfiles:[ ][0-9]+|isexec:[ ]true)
    """,
    re.VERBOSE,
)


def _plain(text: str) -> dict[str, dict[str, Any]] | None:
    """The stages of a lock in the one form that DVC writes; None if anything is unlike it.

    A YAML library takes 2 ms for a lock, which is most of the time of a plan.
    """
    head, *lines = text.split("\n")
    if head != "schema: '2.0'" or lines[:1] != ["stages:"] or lines[-1]:
        return None
    stages: dict[str, dict[str, Any]] = {}
    body: dict[str, Any] = {}
    rows: list[dict[str, str]] = []
    for line in lines[1:-1]:
        parsed = _LINE.fullmatch(line)
        if parsed is None:
            return None
        value = parsed.group(parsed.lastgroup or 0)
        match parsed.lastgroup:
            case "stage":
                body = stages[value] = {}
            case "cmd":
                # YAML reads another value into these.
                if ": " in value or value.endswith((" ", ":")):
                    return None
                body["cmd"] = value
            case "part":
                rows = body[value] = []
            case "path":
                rows.append({"path": value})
            case "md5":
                if not rows:
                    return None
                rows[-1]["md5"] = value
    return stages


def _lock(body: dict[str, Any] | None) -> StageLock | None:
    if body is None:
        return None
    deps = _hashes(body.get("deps", []))
    outs = _hashes(body.get("outs", []))
    return StageLock(cmd=body["cmd"], deps=deps, outs=outs)


def _hashes(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["path"]: row["md5"] for row in rows}


def read_run(text: str) -> StageLock | None:
    """What an entry of the run cache says; None if it is damaged, as DVC takes it."""
    try:
        return _lock(load(text))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None


def run_key(cmd: str, deps: dict[str, str], outs: list[str]) -> str:
    """The key of a command with these dependencies and outputs in the run cache."""
    rows = [{"path": path, "hash": "md5", "md5": digest} for path, digest in sorted(deps.items())]
    text = json.dumps({"cmd": cmd, "deps": rows, "outs": sorted(outs)}, sort_keys=True)
    return sha256_text(text)


def hash_of(
    path: Path,
    md5: Callable[[Path], str] = md5_file,
    ignored: Ignored | None = None,
    place: str = "",
) -> str | None:
    """The hash that DVC gives a file or directory, or None if there is none.

    Args:
        path: the file or directory.
        md5: how a file is hashed.
        ignored: what the repository that it is in has DVC leave out; nothing if None.
        place: its path in that repository.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode):
        return md5(path)
    if not stat.S_ISDIR(mode):
        return None
    names = _names(str(path), "", f"{place}/", ignored)
    rows = [{"md5": md5(path / name), "relpath": name} for name in sorted(names)]
    return md5_text(_LISTING.encode(rows)) + ".dir"


def _names(folder: str, prefix: str, place: str, ignored: Ignored | None) -> Iterator[str]:
    """The files below a folder, by their relative paths, less what DVC leaves out.

    DVC follows no link to a folder. `Path.rglob` takes ten times as long, and `os.walk` twice.

    Args:
        folder: the folder.
        prefix: its path from the first one.
        place: that one's path in the repository.
        ignored: what the repository has DVC leave out.
    """
    try:
        with os.scandir(folder) as found:
            entries = [(entry, entry.is_dir()) for entry in found]
    except OSError:
        return
    for entry, is_dir in entries:
        name = prefix + entry.name
        if ignored is not None and ignored.entry(place + name, is_dir=is_dir):
            continue
        if not is_dir:
            yield name
        elif not entry.is_symlink():
            yield from _names(entry.path, f"{name}/", place, ignored)


def run_name(text: str) -> str | None:
    """The name that DVC gives an entry of the run cache with this text; None if it is damaged.

    Sizes and counts of files do not count (dvc/stage/cache.py).
    """
    try:
        content = load(text)
        rows = [*content.get("deps", []), *content.get("outs", [])]
        for row in rows:
            for name in _UNCOUNTED:
                row.pop(name, None)
        return sha256_text(json.dumps(content, sort_keys=True))
    except (yaml.YAMLError, AttributeError, TypeError):
        return None


def members(text: str) -> dict[str, str] | None:
    """The hashes of a directory's files by relative path; None if the text is damaged.

    Args:
        text: what DVC caches for the directory.
    """
    try:
        return {row["relpath"]: row["md5"] for row in parse_json(text)}
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, kw_only=True)
class Cache:
    """DVC's local cache; whether it has an object is looked up once."""

    folder: Path
    md5: Callable[[Path], str] = md5_file
    _looked_up: dict[str, bool] = field(default_factory=dict)

    def holds(self, digest: str) -> bool:
        """Whether a file, or a directory with all its files, can be restored."""
        if not self.has(digest):
            return False
        files = self.listing(digest)
        return files is not None and all(map(self.has, files.values()))

    def listing(self, digest: str) -> dict[str, str] | None:
        """The hashes of the files that make up a result, by relative path.

        None if it is a directory that the cache does not hold.
        """
        if not digest.endswith(".dir"):
            return {"": digest}
        text = self.text(digest)
        return None if text is None else members(text)

    def text(self, digest: str) -> str | None:
        """The content of a cached text file; None if the cache does not hold it."""
        try:
            with open(self._object(digest), encoding="utf-8") as file:  # noqa: PTH123
                return file.read()
        except (OSError, UnicodeDecodeError):
            return None

    def has(self, digest: str) -> bool:
        """Whether one object is held, undamaged."""
        if digest not in self._looked_up:
            self._looked_up[digest] = self._is_whole(digest)
        return self._looked_up[digest]

    def has_file(self, digest: str) -> bool:
        """Whether there is a file of an object's name, whatever it holds."""
        return os.path.exists(self._object(digest))  # noqa: PTH110

    def path(self, digest: str) -> Path:
        """Where an object is, or would be."""
        return Path(self._object(digest))

    def _is_whole(self, digest: str) -> bool:
        path = self._object(digest)
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116
            # DVC hashes an object again unless it has protected it, and drops a damaged one.
            return mode == PROTECTED or self.md5(Path(path)) == digest.removesuffix(".dir")
        except OSError:
            return False

    def _object(self, digest: str) -> str:
        # A text: of tens of thousands of these, `pathlib` would take the most time.
        return f"{self.folder}/files/md5/{digest[:2]}/{digest[2:]}"

    def run(self, cmd: str, deps: dict[str, str], outs: list[str]) -> StageLock | None:
        """What the run cache holds for a command with these dependencies and outputs."""
        key = run_key(cmd, deps, outs)
        folder = self.folder / "runs" / key[:2] / key
        if not folder.is_dir():
            return None
        entries = sorted(folder.iterdir(), key=_changed)
        if not entries:
            return None
        return read_run(entries[-1].read_text(encoding="utf-8", errors="replace"))

    def runs(self, dependency: str) -> list[StageLock]:
        """All runs that read a file of this hash, the newest last."""
        locks = map(read_run, self._runs.naming(dependency))
        return [lock for lock in locks if lock is not None]

    @cached_property
    def _runs(self) -> RunCache:
        entries = sorted(self.run_files(), key=_changed)
        return RunCache(path.read_text(encoding="utf-8", errors="replace") for path in entries)

    def run_files(self) -> Iterator[Path]:
        """The entries of the run cache; the last part of a path is its name for DVC."""
        return (self.folder / "runs").glob("*/*/*")


def _changed(path: Path) -> float:
    """When a file was last written: sorts the newest last."""
    return path.stat().st_mtime
