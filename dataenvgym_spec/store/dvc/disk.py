"""The disk, and under `pull` the remote, as `plan` asks about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.core.machine import device_stamp, stamp
from dataenvgym_spec.graph.ir import Stage, Use
from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.dvc.hashes import Hashes
from dataenvgym_spec.store.dvc.remote import Remote
from dataenvgym_spec.store.dvc.state import Cache, StageLock, read_lock
from dataenvgym_spec.store.git.history import CompiledVersions
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.scratch import DONE


class Disk:
    """One repository; each path is hashed at most once.

    Args:
        layout: its paths.
        pull: whether what DVC's remote holds counts.
        experiments: those about whose past will be asked, so that git is asked once.
    """

    def __init__(
        self, layout: Layout, *, pull: bool = False, experiments: Sequence[str] = ()
    ) -> None:
        self.layout = layout
        self.hashes = Hashes(layout.root)
        self.cache = Cache(folder=cache_folder(layout.root), md5=self.hashes.md5)
        self.remote = Remote(layout.root) if pull else None
        self.versions = CompiledVersions(layout, experiments)
        self._hashes: dict[str, str | None] = {}
        self._locks: dict[tuple[str, str], StageLock | None] = {}
        self._cached: dict[str, bool] = {}

    @property
    def pulls(self) -> bool:
        """Whether what DVC's remote holds counts."""
        return self.remote is not None

    def lock(self, folder: str, stage: str) -> StageLock | None:
        """The lock of a stage; None if there is none."""
        if (folder, stage) not in self._locks:
            path = self.layout.root / folder / "dvc.lock"
            self._locks[folder, stage] = read_lock(path, stage)
        return self._locks[folder, stage]

    def hash_of(self, path: str) -> str | None:
        """The hash of what is at a path; None if nothing is."""
        if path not in self._hashes:
            self._hashes[path] = self.hashes.of(path)
        return self._hashes[path]

    def expect(self, digests: Iterable[str]) -> None:
        """Learns in one go where these results are."""
        if self.remote is None:
            return
        lost = [digest for digest in digests if not self.cached(digest)]
        self.remote.learn(lost, has=self.cache.has, listing=self.cache.listing)

    def cached(self, digest: str) -> bool:
        """Whether DVC's cache holds a result."""
        if digest not in self._cached:
            self._cached[digest] = self.cache.holds(digest)
        return self._cached[digest]

    def objects(self, digest: str) -> frozenset[str]:
        """The objects that make up a result, itself among them, as far as they are known."""
        files = self._listing(digest) or {}
        return frozenset({digest, *files.values()})

    def missing(self, digest: str) -> frozenset[str]:
        """Those of them that neither cache nor remote holds.

        The result itself if its files are unknown.
        """
        if self.cached(digest):
            return frozenset()
        if self._listing(digest) is None:
            return frozenset({digest})
        return frozenset(one for one in self.objects(digest) if not self._has(one))

    def _has(self, digest: str) -> bool:
        if self.cache.has(digest):
            return True
        return self.remote is not None and self.remote.has(digest)

    def _listing(self, digest: str) -> dict[str, str] | None:
        files = self.cache.listing(digest)
        if files is not None or self.remote is None:
            return files
        return self.remote.listing(digest)

    def run_cache(self, cmd: str, deps: dict[str, str], outs: list[str]) -> StageLock | None:
        """What the run cache holds for a command with these dependencies and outputs."""
        # `dvc repro --pull` copies the remote's run cache over the local one.
        if self.remote is not None:
            pulled = self.remote.run(cmd, deps, outs)
            if pulled is not None:
                return pulled
        return self.cache.run(cmd, deps, outs)

    def runs(self, dependency: str) -> list[StageLock]:
        """All runs that read a file of this hash, the newest last."""
        runs = self.cache.runs(dependency)
        if self.remote is not None:
            runs += self.remote.runs(dependency)
        return runs

    def content(self, digest: str, name: str) -> Any:
        """The content of a JSON file of a result; None if the cache does not hold it."""
        files = self.cache.listing(digest) or {}
        if name not in files:
            return None
        try:
            return parse_json(self.cache.text(files[name]) or "null")
        except ValueError:
            return None

    def made_here(self, log: str) -> bool:
        """Whether a log names this machine: its interpreter, versions and devices."""
        content = self.content(log, "run.json")
        if not isinstance(content, dict):
            return False
        here = {**stamp(content.get("versions") or ()), **device_stamp(content.get("device"))}
        return all(content.get(name) == value for name, value in here.items())

    def adoptable(self, stage: Stage) -> bool:
        """Whether scratch holds a finished result, which an executor adopts."""
        scratch = self.layout.scratch(stage.directory)
        return stage.directory in self._in_scratch and (scratch / DONE).is_file()

    @cached_property
    def _in_scratch(self) -> frozenset[str]:
        """The stages that have scratch: few, and experiments share the others again and again."""
        folder = self.layout.scratch("")
        return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()

    def earlier(self, stage: Stage, uses: Sequence[Use]) -> dict[str, Any] | None:
        """The `stage.json` that stood before where an experiment uses a stage, and was executed."""
        return self.versions.earlier(stage, uses)
