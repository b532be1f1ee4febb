"""What DVC's default remote holds, of any kind that DVC supports.

The only module that asks DVC itself, and only when a plan is to pull.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.run_cache import RunCache
from dataenvgym_spec.store.dvc.state import StageLock, members, read_run, run_key


class Unreachable(UserError):
    """The remote cannot be asked: it is down, or refuses."""


@contextmanager
def _asking(name: str) -> Iterator[None]:
    """What goes wrong while a remote is asked, as a mistake that a user can mend.

    Each kind of remote has errors of its own, of packages that need not be installed.
    """
    try:
        yield
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise Unreachable(
            f"the remote '{name}' cannot be asked what it holds: {lines[0]}",
            help="check the network, its address (dvc remote list) and its credentials "
            "(.dvc/config.local), or leave out --pull",
        ) from error


class Remote:
    """The default remote of a repository. What it holds is asked for in bulk and remembered.

    Raises:
        UserError: there is none.
        Unreachable: it cannot be asked.
    """

    def __init__(self, root: Path) -> None:
        # DVC takes most of a second to import, which only a plan that pulls has to wait for.
        from dvc.exceptions import DvcException
        from dvc.fs import HTTPFileSystem, LocalFileSystem
        from dvc.repo import Repo

        try:
            repo = Repo(str(root))
            self._objects: Any = repo.cloud.get_remote_odb(None, "plan --pull")
        except DvcException as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"there is no remote to pull from: {reason}",
                help="run: dvc remote add -d NAME URL",
            ) from error
        self._name = str(repo.config["core"]["remote"])
        self._files: Any = self._objects.fs
        self._is_local = isinstance(self._files, LocalFileSystem)
        # DVC keeps no run cache on a web server: it cannot be listed.
        self._has_run_cache = not isinstance(self._files, HTTPFileSystem)
        self._present: set[str] = set()
        self._listings: dict[str, dict[str, str]] = {}

    def learn(
        self,
        digests: Iterable[str],
        *,
        has: Callable[[str], bool],
        listing: Callable[[str], dict[str, str] | None],
    ) -> None:
        """Asks which results the remote holds.

        One query for the results, one for the files of directories that the cache does not list.

        Args:
            digests: results, files or directories.
            has: whether the cache holds an object.
            listing: what the cache knows of a directory's files.
        """
        results = set(digests)
        unlisted = []
        first = set(results)
        for digest in results:
            files = listing(digest)
            if files is None:
                unlisted.append(digest)
            else:
                first.update(files.values())
        with _asking(self._name):
            self._ask({digest for digest in first if not has(digest)})
            self._read_listings(digest for digest in unlisted if digest in self._present)
            second: set[str] = set()
            for files in self._listings.values():
                second.update(files.values())
            self._ask({digest for digest in second if not has(digest)})

    def has(self, digest: str) -> bool:
        """Whether it holds an object, as far as was asked."""
        return digest in self._present

    def listing(self, digest: str) -> dict[str, str] | None:
        """What it says about a directory's files; None if unknown."""
        return self._listings.get(digest)

    def run(self, cmd: str, deps: dict[str, str], outs: list[str]) -> StageLock | None:
        """What its run cache holds for a command with these dependencies and outputs."""
        entries = self._runs.get(run_key(cmd, deps, outs))
        return read_run(entries[-1]) if entries else None

    def runs(self, dependency: str) -> list[StageLock]:
        """All runs in it that read a file of this hash."""
        locks = map(read_run, self._run_cache.naming(dependency))
        return [lock for lock in locks if lock is not None]

    @cached_property
    def _run_cache(self) -> RunCache:
        return RunCache(text for entries in self._runs.values() for text in entries)

    def _ask(self, digests: set[str]) -> None:
        """Learns which of these objects it holds."""
        wanted = sorted(digests - self._present)
        if wanted:
            self._present.update(self._held(wanted))

    def _held(self, digests: list[str]) -> Iterable[str]:
        if not self._is_local:
            held: Iterable[str] = self._objects.oids_exist(digests)
            return held
        # DVC hashes what is in a folder and removes what is damaged; a plan only looks.
        return [digest for digest in digests if self._files.exists(self._path(digest))]

    def _path(self, digest: str) -> str:
        path: str = self._objects.oid_to_path(digest)
        return path

    def _read_listings(self, digests: Iterable[str]) -> None:
        """Reads the files of directories."""
        paths = {self._path(digest): digest for digest in digests if digest.endswith(".dir")}
        texts = self._texts(list(paths))
        for path, digest in paths.items():
            files = members(texts.get(path, ""))
            if files is not None:
                self._listings[digest] = files

    def _texts(self, paths: list[str]) -> dict[str, str]:
        """The contents of files by path, without those that cannot be read."""
        if not paths:
            return {}
        contents = self._files.cat(paths, on_error="omit")
        return {path: content.decode("utf-8", "replace") for path, content in contents.items()}

    @cached_property
    def _runs(self) -> dict[str, list[str]]:
        with _asking(self._name):
            return self._read_runs()

    def _read_runs(self) -> dict[str, list[str]]:
        """The entries of its run cache by key, the newest last.

        `dvc repro --pull` copies all of it in the order of this listing, so that the last one wins.
        """
        # The objects are in `files/md5`, the run cache in `runs`.
        files = self._files
        home = files.parent(files.parent(self._objects.path))
        folder = files.join(home, "runs")
        if not self._has_run_cache or not files.exists(folder):
            return {}
        paths = list(files.find(folder))
        texts = self._texts(paths)
        runs: dict[str, list[str]] = {}
        for path in paths:
            key = files.name(files.parent(path))
            runs.setdefault(key, []).append(texts.get(path, ""))
        return runs
