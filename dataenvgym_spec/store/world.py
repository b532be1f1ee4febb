"""The disk as `plan` asks about it."""

from __future__ import annotations

import configparser
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from dataenvgym_spec.ir import Stage
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.state import Cache, Lock, hash_of, read_lock


class Disk:
    """One repository; each path is hashed at most once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.cache = Cache(folder=cache_folder(layout.root))
        self._hashes: dict[str, str | None] = {}

    def lock(self, folder: str, stage: str) -> Lock | None:
        """What the lock of a stage says."""
        return read_lock(self.layout.root / folder / "dvc.lock", stage)

    def hash_of(self, path: str) -> str | None:
        """The hash of what lies at a path."""
        if path not in self._hashes:
            self._hashes[path] = hash_of(self.layout.root / path)
        return self._hashes[path]

    def cached(self, digest: str) -> bool:
        """Whether DVC's cache holds it."""
        return self.cache.holds(digest)

    def run_cache(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Lock | None:
        """What the run cache holds."""
        return self.cache.run(cmd, deps, outs)

    def earlier(self, stage: Stage) -> dict[str, Any] | None:
        """The `stage.json` that stood at this place when the experiment was last compiled, if it is another."""
        for use in stage.uses:
            directory = self._compiled.get((use.experiment, use.arm, use.seed, use.label()))
            if directory is not None and directory != stage.directory:
                try:
                    found: dict[str, Any] = json.loads((self.layout.stage(directory) / "stage.json").read_text(encoding="utf-8"))
                    return found
                except (OSError, ValueError):
                    return None
        return None

    @cached_property
    def _compiled(self) -> dict[tuple[str, str, int, str], str]:
        places: dict[tuple[str, str, int, str], str] = {}
        for path in sorted(self.layout.experiments.glob("*.json")):
            try:
                rows = json.loads(path.read_text(encoding="utf-8"))["stages"]
            except (OSError, ValueError, KeyError):
                continue
            for row in rows:
                for use in row["uses"]:
                    places[path.stem, use["arm"], use["seed"], use["label"]] = row["directory"]
        return places


def cache_folder(root: Path) -> Path:
    """Where DVC's cache lies: `.dvc/cache` unless the repository's or the clone's config says otherwise."""
    found = root / ".dvc" / "cache"
    for name in ("config", "config.local"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(root / ".dvc" / name)
        except configparser.Error:
            continue
        if parser.has_option("cache", "dir"):
            found = (root / ".dvc" / parser.get("cache", "dir")).resolve()
    return found
