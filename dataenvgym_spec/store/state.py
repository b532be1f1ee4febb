"""What DVC knows of a stage, read without importing DVC: lock files, workspace, cache and run cache.

The formats are DVC's own (dvc/stage/serialize.py, dvc/stage/cache.py, dvc_data/hashfile/tree.py); a contract test holds
this module against the installed DVC.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataenvgym_spec.errors import UserError
from dataenvgym_spec.hashing import md5_file

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        content = yaml.load(text, Loader=Loader)
        return _lock((content.get("stages") or {}).get(stage))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        what = "holds the marks of a merge conflict" if "<<<<<<<" in text else "is damaged or half-written"
        raise UserError(f"'{path}' {what}", help=f"take one side whole: git checkout --theirs {path}   (or delete it: DVC makes it anew)") from error


def _lock(body: dict[str, Any] | None) -> Lock | None:
    if body is None:
        return None
    deps = {item["path"]: item["md5"] for item in body.get("deps", [])}
    return Lock(cmd=body["cmd"], deps=deps, outs={item["path"]: item["md5"] for item in body.get("outs", [])})


def hash_of(path: Path) -> str | None:
    """The hash that DVC gives a file or directory, or None if it is not there."""
    if path.is_file():
        return md5_file(path)
    if not path.is_dir():
        return None
    files = sorted(item for item in path.rglob("*") if item.is_file())
    rows = [{"md5": md5_file(item), "relpath": item.relative_to(path).as_posix()} for item in files]
    text = json.dumps(sorted(rows, key=lambda row: row["relpath"]), sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() + ".dir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """DVC's local cache."""

    folder: Path

    def holds(self, digest: str) -> bool:
        """Whether a file, or a directory with all its files, can be restored."""
        path = self._object(digest)
        if not path.is_file():
            return False
        if not digest.endswith(".dir"):
            return True
        try:
            return all(self._object(row["md5"]).is_file() for row in json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError):
            return False

    def _object(self, digest: str) -> Path:
        return self.folder / "files" / "md5" / digest[:2] / digest[2:]

    def run(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Lock | None:
        """What the run cache holds for a command with these dependencies and outputs."""
        rows = [{"path": path, "hash": "md5", "md5": digest} for path, digest in sorted(deps.items())]
        text = json.dumps({"cmd": cmd, "deps": rows, "outs": sorted(outs)}, sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        folder = self.folder / "runs" / key[:2] / key
        entries = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime) if folder.is_dir() else []
        try:
            return _lock(yaml.load(entries[-1].read_text(encoding="utf-8"), Loader=Loader)) if entries else None
        except (yaml.YAMLError, KeyError, TypeError, AttributeError):
            return None
