"""From work in progress to a result that a later run can adopt.

DVC deletes a stage's outs before it runs, and a kill between a finished result and its lock makes DVC run the stage again.
So an executor works in scratch, marks the result complete there, and only then links it into place. A complete result
stays adoptable until a lock names it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.core.hashing import file_digest, md5_file
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout

DONE = "done.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """The scratch directory of one stage."""

    path: Path
    target: Path

    @property
    def out(self) -> Path:
        """The results in the making, a directory per port."""
        return self.path / "out"

    @property
    def log(self) -> Path:
        """The circumstances in the making."""
        return self.path / "log"

    @property
    def work(self) -> Path:
        """What survives a kill: checkpoints."""
        return self.path / "work"

    def begin(self, ports: Iterable[str]) -> None:
        """Empties what an earlier attempt left, except `work`."""
        (self.path / DONE).unlink(missing_ok=True)
        for folder in (self.out, self.log):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (*(self.out / port for port in ports), self.log, self.work):
            folder.mkdir(parents=True, exist_ok=True)

    def complete(self, key: str) -> None:
        """Marks the result complete, after everything is on disk."""
        files = _files(self.out) + _files(self.log)
        for path in files:
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        manifest = {path.relative_to(self.path).as_posix(): file_digest(path) for path in files}
        atomic.write(self.path / DONE, json.dumps({"key": key, "files": manifest}, sort_keys=True))

    def adoptable(self, key: str) -> bool:
        """Whether a complete and undamaged result of this key lies here."""
        try:
            done = json.loads((self.path / DONE).read_text(encoding="utf-8"))
            found = {
                path.relative_to(self.path).as_posix(): file_digest(path)
                for path in _files(self.out) + _files(self.log)
            }
        except (OSError, ValueError):
            return False
        return bool(done.get("key") == key and done.get("files") == found)

    def publish(self) -> None:
        """Links the complete result into the stage's directory."""
        for name in ("out", "log"):
            atomic.link_tree(self.path / name, self.target / name)


def scratch(layout: Layout, directory: str) -> Scratch:
    """The scratch directory of a stage."""
    return Scratch(path=layout.scratch(directory), target=layout.stage(directory))


def clean(layout: Layout) -> None:
    """Removes scratch whose result a DVC lock names: it is safe in DVC's cache."""
    folder = layout.private / "scratch"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        target = layout.stage(path.name)
        if (path / DONE).is_file() and _named_by_lock(target):
            shutil.rmtree(path, ignore_errors=True)


def _named_by_lock(stage: Path) -> bool:
    # A lock older than the stage file is about an earlier compile; the text search avoids parsing YAML in every executor.
    try:
        lock = (stage / "dvc.lock").read_text(encoding="utf-8")
        return (
            md5_file(stage / "stage.json") in lock
            and (stage / "dvc.lock").stat().st_mtime >= (stage / "log").stat().st_mtime
        )
    except OSError:
        return False


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
