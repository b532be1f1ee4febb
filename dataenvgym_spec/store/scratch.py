"""From work in progress to a result that a later run can adopt.

DVC deletes a stage's outs before it runs, and a kill between a finished result and its lock makes
DVC run the stage again. So an executor works in scratch, marks the result complete there, and only
then links it into place. A complete result stays adoptable until a lock names it, for the inputs
that it was made from.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.folders import FolderFault, files_of
from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.records.files import json_text, parse_json
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.dvc.state import hash_of
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held

DONE: Final = "done.json"
"""Marks a result complete: its key, what it was made from, and the digests of its files."""
INPUTS: Final = "inputs.json"
"""What the work in progress is made from."""


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

    def begin(self, ports: Iterable[str], inputs: Mapping[str, str]) -> bool:
        """Empties what an earlier attempt left, except `work` if it had the same inputs.

        Args:
            ports: the names of what is written.
            inputs: digests by path of what the stage reads.

        Returns:
            False if `work` of other inputs was removed.
        """
        (self.path / DONE).unlink(missing_ok=True)
        stale = [self.out, self.log]
        fits = _read(self.path / INPUTS) == inputs or not any(_ordinary(self.work))
        if not fits:
            stale.append(self.work)
        for folder in stale:
            shutil.rmtree(folder, ignore_errors=True)
        atomic.write(self.path / INPUTS, json_text(inputs))
        results = [self.out / port for port in ports]
        for folder in (*results, self.log, self.work):
            folder.mkdir(parents=True, exist_ok=True)
        return fits

    def complete(self, key: str, inputs: Mapping[str, str]) -> None:
        """Marks the result complete, after everything is on disk.

        Raises:
            StageError: it holds what no result may, such as a link that leads out of it.
        """
        try:
            files = self._files()
        except FolderFault as fault:
            raise StageError(f"what the stage made {fault}", help=fault.help) from fault
        for path in files.values():
            with path.open("rb") as handle:
                os.fsync(handle.fileno())
        # A result that came from elsewhere was not begun here.
        atomic.write(self.path / INPUTS, json_text(inputs))
        done = {"key": key, "inputs": inputs, "files": self._digests(files)}
        atomic.write(self.path / DONE, json_text(done))

    def finished(self, key: str) -> dict[str, str] | None:
        """What a complete and undamaged result of this key was made from; None if none is here."""
        done = _read(self.path / DONE)
        if done.get("key") != key:
            return None
        try:
            whole = done.get("files") == self._digests(self._files())
        except (OSError, FolderFault):
            return None
        return done.get("inputs", {}) if whole else None

    def publish(self) -> None:
        """Links the complete result into the stage's directory."""
        for name in ("out", "log"):
            atomic.link_tree(self.path / name, self.target / name)

    def _files(self) -> dict[str, Path]:
        """The files of the result by name. It is published whole, so no link may lead out of it."""
        own = self.path.resolve()
        found: dict[str, Path] = {}
        for folder in filter(Path.is_dir, (self.out, self.log)):
            inside = files_of(
                folder, may_follow=lambda target: target.is_relative_to(own), within="the result"
            )
            found |= {f"{folder.name}/{name}": path for name, path in inside.items()}
        return found

    def _digests(self, files: Mapping[str, Path]) -> dict[str, str]:
        return {name: file_digest(path) for name, path in files.items()}


def scratch(layout: Layout, directory: str) -> Scratch:
    """The scratch directory of a stage."""
    return Scratch(path=layout.scratch(directory), target=layout.stage(directory))


def clean(layout: Layout) -> None:
    """Removes scratch whose result a DVC lock names: it is safe in DVC's cache.

    A forced run of DVC then finds nothing to adopt.
    """
    folder = layout.private / "scratch"
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if not (path / DONE).is_file():
            continue
        # Whoever makes it again at this moment has begun to write here.
        with held(layout.lock(path.name)) as free:
            if free and is_named_by_lock(path, layout.stage(path.name)):
                discard(path)


def discard(path: Path) -> None:
    """Removes scratch, also where it is a link to that of a lease."""
    if path.is_symlink():
        folder = path.resolve()
        path.unlink(missing_ok=True)
        path = folder
    shutil.rmtree(path, ignore_errors=True)


def is_named_by_lock(scratch: Path, stage: Path) -> bool:
    """Whether a stage's lock is about the result in scratch, or about the one that took its place.

    No two logs are equal, so a log stands for its result.
    """
    if not (scratch / DONE).is_file():
        return False
    try:
        # Searching the text avoids parsing YAML in every executor.
        lock = (stage / "dvc.lock").read_text(encoding="utf-8")
        logs = [hash_of(scratch / "log"), hash_of(stage / "log")]
    except (OSError, UnicodeDecodeError):
        return False
    return any(log is not None and log in lock for log in logs)


def _read(path: Path) -> dict[str, Any]:
    """The content of a JSON file; nothing if it is missing or damaged."""
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _ordinary(folder: Path) -> Iterator[Path]:
    """The files below a folder, whatever they are."""
    return filter(Path.is_file, folder.rglob("*"))
