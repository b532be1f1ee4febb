"""What DVC's default remote holds, of any kind that DVC supports. The only module that asks DVC itself, and only when a plan is to pull."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.state import Lock, members, read_run, run_key


class Remote:
    """The default remote of a repository. What it holds is asked for in bulk (`learn`) and remembered.

    Raises:
        UserError: there is none, or DVC cannot use it.
    """

    def __init__(self, root: Path) -> None:
        from dvc.exceptions import DvcException
        from dvc.fs import HTTPFileSystem
        from dvc.repo import Repo

        try:
            self._odb: Any = Repo(str(root)).cloud.get_remote_odb(None, "plan --pull")
        except DvcException as error:
            raise UserError(
                f"there is no remote to pull from: {str(error).splitlines()[0]}",
                help="run: dvc remote add -d NAME URL",
            ) from error
        self._run_cache_is_supported = not isinstance(self._odb.fs, HTTPFileSystem)
        self._present: set[str] = set()
        self._listings: dict[str, dict[str, str]] = {}
        self._runs: dict[str, list[str]] | None = None

    def learn(
        self,
        digests: Iterable[str],
        *,
        has: Callable[[str], bool],
        listing: Callable[[str], dict[str, str] | None],
    ) -> None:
        """Asks which results the remote holds: one query for them, one for the files of directories that were not known.

        Args:
            digests: results, files or directories.
            has: whether the cache holds an object.
            listing: what the cache knows of a directory's files.
        """
        wanted = set(digests)
        known = {digest: inner for digest in wanted if (inner := listing(digest)) is not None}
        self._ask(
            {
                digest
                for digest in wanted | {one for inner in known.values() for one in inner.values()}
                if not has(digest)
            }
        )
        self._read([digest for digest in wanted - known.keys() if digest in self._present])
        self._ask(
            {one for inner in self._listings.values() for one in inner.values() if not has(one)}
        )

    def has(self, digest: str) -> bool:
        """Whether it holds an object, as far as was asked."""
        return digest in self._present

    def listing(self, digest: str) -> dict[str, str] | None:
        """What it says about a directory's files; None if it was not asked or does not hold it."""
        return self._listings.get(digest)

    def run(self, cmd: str, deps: dict[str, str], outs: list[str]) -> Lock | None:
        """What its run cache holds for a command with these dependencies and outputs."""
        found = self._all_runs().get(run_key(cmd, deps, outs))
        return read_run(found[-1]) if found else None

    def runs(self, dependency: str) -> list[Lock]:
        """All runs in it that read a file of this hash."""
        texts = (
            text for found in self._all_runs().values() for text in found if dependency in text
        )
        return [run for text in texts if (run := read_run(text))]

    def _ask(self, digests: set[str]) -> None:
        from dvc.fs import LocalFileSystem

        wanted = sorted(digests - self._present)
        if not wanted:
            return
        if isinstance(self._odb.fs, LocalFileSystem):
            # DVC hashes what lies in a folder and removes what is damaged; a plan only looks.
            self._present |= {
                digest for digest in wanted if self._odb.fs.exists(self._odb.oid_to_path(digest))
            }
        else:
            self._present |= set(self._odb.oids_exist(wanted))

    def _read(self, directories: list[str]) -> None:
        """Reads what the remote says about directories."""
        paths = {
            self._odb.oid_to_path(digest): digest
            for digest in directories
            if digest.endswith(".dir")
        }
        texts: dict[str, bytes] = self._odb.fs.cat(list(paths), on_error="omit") if paths else {}
        for path, digest in paths.items():
            if (inner := members(texts.get(path, b"").decode("utf-8", "replace"))) is not None:
                self._listings[digest] = inner

    def _all_runs(self) -> dict[str, list[str]]:
        """Its run cache by key. `dvc repro --pull` copies all of it in the order of this listing, so that the last one is the newest."""
        if self._runs is None:
            self._runs = {}
            fs, folder = (
                self._odb.fs,
                self._odb.fs.join(self._odb.fs.parent(self._odb.fs.parent(self._odb.path)), "runs"),
            )
            paths = (
                list(fs.find(folder)) if self._run_cache_is_supported and fs.exists(folder) else []
            )
            texts: dict[str, bytes] = fs.cat(paths, on_error="omit") if paths else {}
            for path in paths:
                self._runs.setdefault(fs.name(fs.parent(path)), []).append(
                    texts.get(path, b"").decode("utf-8", "replace")
                )
        return self._runs
