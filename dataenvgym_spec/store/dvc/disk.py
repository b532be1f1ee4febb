"""The disk, and under `pull` the remote, as `plan` asks about them."""

from __future__ import annotations

import configparser
import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.machine import stamp
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.store.dvc.remembered import Remembered
from dataenvgym_spec.store.dvc.remote import Remote
from dataenvgym_spec.store.dvc.state import Cache, Lock, hash_of, read_lock
from dataenvgym_spec.store.git.history import History
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import DONE


class Disk:
    """One repository; each path is hashed at most once.

    Args:
        layout: where it lies.
        pull: whether what DVC's remote holds counts.
    """

    def __init__(self, layout: Layout, *, pull: bool = False) -> None:
        self.layout = layout
        self.remembered = Remembered(layout.private / "hashes.json")
        self.cache = Cache(folder=cache_folder(layout.root), md5=self.remembered.md5)
        self.remote = Remote(layout.root) if pull else None
        self.history = History(layout)
        self._hashes: dict[str, str | None] = {}
        self._locks: dict[tuple[str, str], Lock | None] = {}
        self._held: dict[str, bool] = {}

    @property
    def pulls(self) -> bool:
        """Whether what DVC's remote holds counts."""
        return self.remote is not None

    def lock(self, folder: str, stage: str) -> Lock | None:
        """What the lock of a stage says."""
        if (folder, stage) not in self._locks:
            self._locks[folder, stage] = read_lock(self.layout.root / folder / "dvc.lock", stage)
        return self._locks[folder, stage]

    def hash_of(self, path: str) -> str | None:
        """The hash of what lies at a path."""
        if path not in self._hashes:
            self._hashes[path] = hash_of(self.layout.root / path, self.remembered.md5)
        return self._hashes[path]

    def expect(self, digests: Iterable[str]) -> None:
        """Learns in one go where these results are."""
        if self.remote is not None:
            lost = [digest for digest in digests if not self.cached(digest)]
            self.remote.learn(lost, has=self.cache.has, listing=self.cache.listing)

    def cached(self, digest: str) -> bool:
        """Whether DVC's cache holds a result."""
        if digest not in self._held:
            self._held[digest] = self.cache.holds(digest)
        return self._held[digest]

    def objects(self, digest: str) -> frozenset[str]:
        """The objects that make up a result, itself among them, as far as they are known."""
        return frozenset({digest, *(self._listing(digest) or {}).values()})

    def missing(self, digest: str) -> frozenset[str]:
        """Those of them that neither the cache nor the remote holds; the result itself if it cannot be listed."""
        if self.cached(digest):
            return frozenset()
        if self._listing(digest) is None:
            return frozenset({digest})
        return frozenset(
            one
            for one in self.objects(digest)
            if not self.cache.has(one) and not (self.remote and self.remote.has(one))
        )

    def _listing(self, digest: str) -> dict[str, str] | None:
        inner = self.cache.listing(digest)
        return inner if inner is not None or self.remote is None else self.remote.listing(digest)

    def run_cache(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Lock | None:
        """What the run cache holds."""
        return (self.remote.run(cmd, deps, outs) if self.remote else None) or self.cache.run(
            cmd, deps, outs
        )

    def runs(self, dependency: str) -> list[Lock]:
        """All runs that read a file of this hash, the newest last."""
        return [
            *self.cache.runs(dependency),
            *(self.remote.runs(dependency) if self.remote else ()),
        ]

    def content(self, digest: str, name: str) -> Any:
        """What a JSON file of a result says; None if the cache has it not."""
        inner = self.cache.listing(digest) or {}
        try:
            return json.loads(self.cache.text(inner[name]) or "null") if name in inner else None
        except ValueError:
            return None

    def made_here(self, log: str) -> bool:
        """Whether a log tells of this machine's interpreter, platform and versions."""
        content = self.content(log, "run.json")
        return isinstance(content, dict) and all(
            content.get(name) == value for name, value in self._stamp.items()
        )

    @cached_property
    def _stamp(self) -> dict[str, Any]:
        return stamp()

    def adoptable(self, stage: Stage) -> bool:
        """Whether a finished result lies in scratch, which an executor adopts instead of making it again."""
        return (self.layout.scratch(stage.directory) / DONE).is_file()

    def earlier(self, stage: Stage, experiment: str) -> dict[str, Any] | None:
        """The `stage.json` that stood at this place in the experiment before, and was made."""
        return self.history.earlier(stage, experiment)


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
