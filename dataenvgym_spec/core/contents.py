"""What the files and folders of a repository hold, by digest; a path never stands for a content.

Which files a folder is, is in `folders`; how they are hashed in `hashing`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.folders import FOREIGN, FolderFault, files_of
from dataenvgym_spec.core.hashing import file_digest, folder_digest, md5_file
from dataenvgym_spec.core.ignored import FILE, Ignored
from dataenvgym_spec.core.remembered import Remembered
from dataenvgym_spec.core.roots import Outside, remedy, roots

MADE: Final = frozenset({".dataenvgym", "dvc_plots", "mlartifacts", "mlruns", "reports", "store"})
"""Folders of a repository that hold what experiments made. A test compares them with `layout`."""
_INSTEAD: Final = (
    "examples of another arm come with 'data_from: {arm: NAME}', and items from 'task.splits'; "
    "what is to stand by itself is kept in a folder of its own"
)
_MOST_LINKS: Final = 40
"""Links that lead to a file one after another; Linux follows no more either."""


class Contents:
    """The files of one repository, and of the folders outside that its user allows.

    Args:
        root: the repository.
        environ: the environment, which may name folders outside.
    """

    def __init__(self, root: Path, environ: Mapping[str, str] = os.environ) -> None:
        self.root = root.resolve()
        self.ignored = Ignored(self.root)
        self._environ = environ
        self.remembered = Remembered(root / ".dataenvgym" / "digests.sqlite")

    @cached_property
    def roots(self) -> dict[str, Path]:
        """The folders outside that are allowed, by name.

        Raises:
            UserError: one that is named is none.
        """
        return roots(self.root, self._environ)

    @cached_property
    def _cached(self) -> Path:
        # DVC's configs are read where a link leads out of the repository's own files.
        from dataenvgym_spec.core.dvc_config import cache_folder

        return (cache_folder(self.root) / "files").resolve()

    @cached_property
    def _made(self) -> tuple[Path, ...]:
        return tuple((self.root / name).resolve() for name in sorted(MADE))

    def place(self, name: str) -> Path:
        """Where a file or folder lies that is named as a stage or a spec names it.

        Args:
            name: a path in the repository, or one in an allowed folder: `models:gemma-2`.

        Raises:
            UserError: the folder that it is in has no such name here.
        """
        outside = Outside.parse(name)
        if outside is None:
            return self.root / name
        if outside.root not in self.roots:
            message = f"no folder is called '{outside.root}' on this machine"
            raise UserError(message, help=remedy(outside.root))
        return self.roots[outside.root] / outside.path

    def require_usable(self, path: Path, outside: Outside | None = None) -> None:
        """Checks where a path, its links followed, leads to.

        Args:
            path: the path.
            outside: what names it, if it is not a path in the repository.

        Raises:
            ValueError: to where no spec may read, or DVC. A `FolderFault` if a remedy is known.
        """
        target = path.resolve()
        if self._is_made(path):
            raise FolderFault("is a result of this repository", _INSTEAD)
        if outside is not None:
            if not target.is_relative_to(self.roots[outside.root]):
                raise ValueError(f"leads out of the folder that is called '{outside.root}' here")
            return
        if not self._is_own(target):
            # DVC may link what it tracks into its cache. What is named there itself is anybody's.
            if self.is_cached(target) and self._is_own(path.parent.resolve() / path.name):
                return
            raise ValueError(self._whose(target))
        name = target.relative_to(self.root).as_posix()
        if self.ignored.whole(name):
            help = f"take the rule out of {FILE}: DVC refuses to read what it ignores"
            raise FolderFault(f"is ignored by {FILE}", help)

    def is_cached(self, target: Path) -> bool:
        """Whether a resolved path is an object of DVC's cache, to which links lead."""
        return not self._is_own(target) and target.is_relative_to(self._cached)

    def _is_own(self, target: Path) -> bool:
        """Whether a resolved path is of the repository, and not of git or DVC."""
        if not target.is_relative_to(self.root):
            return False
        return FOREIGN.isdisjoint(target.relative_to(self.root).parts[:1])

    def _whose(self, target: Path) -> str:
        if not target.is_relative_to(self.root):
            return "lies outside the repository"
        first = target.relative_to(self.root).parts[0]
        return f"lies in '{first}', which is no part of the project"

    def files(self, folder: Path) -> dict[str, Path]:
        """The files of a folder, by their names relative to it.

        Raises:
            FolderFault: it holds what cannot be used, such as a link that leaves the repository.
            OSError: it cannot be read.
        """
        if folder.is_relative_to(self.root):
            files = files_of(folder, may_follow=self._may_follow, left_out=self._left_out)
        else:
            files = files_of(folder, may_follow=partial(self._may_follow_outside, folder))
        for name, path in files.items():
            if self._is_made(path):
                raise FolderFault(f"holds '{name}', a result of this repository", _INSTEAD)
        return files

    def _is_made(self, path: Path) -> bool:
        """Whether a path, or a link on the way of it, is in a folder of results.

        A spec that names a result would read it past the graph: no role of it and no dependency on
        the stage that made it would be known.
        """
        return any(step.is_relative_to(made) for step in _steps(path) for made in self._made)

    def _may_follow(self, target: Path) -> bool:
        if self.is_cached(target):
            return not target.is_dir()
        return self._is_own(target)

    def _may_follow_outside(self, folder: Path, target: Path) -> bool:
        holders = (root for root in self.roots.values() if folder.is_relative_to(root))
        return any(target.is_relative_to(holder) for holder in holders)

    def _left_out(self, path: Path, is_folder: bool) -> bool:
        name = path.relative_to(self.root).as_posix()
        return self.ignored.entry(name, is_dir=is_folder)

    def digest(self, path: Path) -> str:
        """SHA-256 of a file or folder, as 64 hex digits.

        Raises:
            FolderFault: a folder holds what cannot be used.
            OSError: it cannot be read.
        """
        if not path.is_dir():
            return self.remembered.of(path, "sha256", file_digest)
        return folder_digest({name: self.digest(file) for name, file in self.files(path).items()})

    def md5(self, path: Path) -> str:
        """DVC's hash of a file.

        Raises:
            OSError: it cannot be read.
        """
        return self.remembered.of(path, "md5", md5_file)


def _steps(path: Path) -> Iterator[Path]:
    """A path and what each link leads to that it is; folders on the way are resolved.

    DVC's results can be links into its cache, so the end alone does not tell whose a file is.
    """
    for _ in range(_MOST_LINKS):
        path = path.parent.resolve() / path.name
        yield path
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()
