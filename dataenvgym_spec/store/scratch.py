"""From work in progress to a result that a later run can adopt.

DVC deletes a stage's outs before it runs, and a kill between a finished result and its lock makes
DVC run the stage again. So an executor works in scratch, marks the result complete there, and only
then links it into place. A complete result stays adoptable until a lock names it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.core.hashing import file_digest, md5_file
from dataenvgym_spec.records.files import json_text, parse_json
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
        results = [self.out / port for port in ports]
        for folder in (*results, self.log, self.work):
            folder.mkdir(parents=True, exist_ok=True)

    def complete(self, key: str) -> None:
        """Marks the result complete, after everything is on disk."""
        files = self._files()
        for path in files:
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        done = {"key": key, "files": self._digests(files)}
        atomic.write(self.path / DONE, json_text(done))

    def adoptable(self, key: str) -> bool:
        """Whether a complete and undamaged result of this key is here."""
        try:
            done = parse_json((self.path / DONE).read_text(encoding="utf-8"))
            digests = self._digests(self._files())
        except (OSError, ValueError):
            return False
        return bool(done.get("key") == key and done.get("files") == digests)

    def publish(self) -> None:
        """Links the complete result into the stage's directory."""
        for name in ("out", "log"):
            atomic.link_tree(self.path / name, self.target / name)

    def _files(self) -> list[Path]:
        """The files of the result."""
        return _files(self.out) + _files(self.log)

    def _digests(self, files: Iterable[Path]) -> dict[str, str]:
        return {path.relative_to(self.path).as_posix(): file_digest(path) for path in files}


def scratch(layout: Layout, directory: str) -> Scratch:
    """The scratch directory of a stage."""
    return Scratch(path=layout.scratch(directory), target=layout.stage(directory))


def clean(layout: Layout) -> None:
    """Removes scratch whose result a DVC lock names: it is safe in DVC's cache."""
    folder = layout.private / "scratch"
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        is_done = (path / DONE).is_file()
        if is_done and _named_by_lock(layout.stage(path.name)):
            shutil.rmtree(path, ignore_errors=True)


def _named_by_lock(stage: Path) -> bool:
    lock = stage / "dvc.lock"
    try:
        # A lock older than the log is about an earlier result. Searching the text avoids
        # parsing YAML in every executor.
        if md5_file(stage / "stage.json") not in lock.read_text(encoding="utf-8"):
            return False
        return lock.stat().st_mtime >= (stage / "log").stat().st_mtime
    except OSError:
        return False


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
