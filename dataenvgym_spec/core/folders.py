"""Which files a folder is: one answer for hashing, copying, planning and locking.

What a version control, a download or a program leaves beside them is not part of it, nor are
times and modes. What DVC leaves out is in `ignored`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.ignored import FILE

FOREIGN: Final = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".dvc",
        ".cache",  # `hf download` keeps the times of its downloads here
        "__pycache__",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".DS_Store",
    }
)
"""Names of entries that are no part of a folder, at any depth."""
MOST: Final = 1000
"""Links to folders that are followed; twenty that lead on to each other can make a million."""

LeftOut = Callable[[Path, bool], bool]
"""Whether an entry is left out, by its path and whether it is a folder."""
MayFollow = Callable[[Path], bool]
"""Whether a link may be followed, by where it leads."""


class FolderFault(ValueError):
    """A folder cannot be used: why, and what to do."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


def files_of(
    folder: Path,
    *,
    may_follow: MayFollow | None = None,
    left_out: LeftOut | None = None,
    within: str = "the repository",
) -> dict[str, Path]:
    """The files of a folder by their names relative to it, in order. Links are followed.

    Args:
        folder: the folder.
        may_follow: which links may be followed; any if None.
        left_out: what is left out besides what is foreign.
        within: what a link leaves that may not be followed, for an error.

    Raises:
        FolderFault: an entry is no file and no folder, or a link to nothing, in a circle or to
            where none may lead; or there are too many links.
        OSError: it cannot be read.
    """
    walk = _Walk(may_follow=may_follow, left_out=left_out, within=within)
    found = sorted(walk.files(folder, (), (folder.resolve(),)))
    return {"/".join(parts): path for parts, path in found}


@dataclass(slots=True, kw_only=True)
class _Walk:
    may_follow: MayFollow | None
    left_out: LeftOut | None
    within: str
    count: int = field(default=0)

    def files(
        self, folder: Path, parts: tuple[str, ...], above: tuple[Path, ...]
    ) -> Iterator[tuple[tuple[str, ...], Path]]:
        """The files below a folder: the parts of their names, and their paths."""
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name not in FOREIGN)
        for name in names:
            path, inner = folder / name, (*parts, name)
            if self.left_out is not None and self.left_out(path, path.is_dir()):
                continue
            shown = "/".join(inner)
            _check_name(name, shown)
            real = self._followed(path, shown) if path.is_symlink() else above[-1] / name
            if path.is_dir():
                if real in above:
                    raise _circle(shown)
                yield from self.files(path, inner, (*above, real))
                continue
            if not path.is_file():
                message = f"holds '{shown}', which is no ordinary file"
                raise FolderFault(message, "remove it from the folder")
            yield inner, path

    def _followed(self, path: Path, shown: str) -> Path:
        """Where a link leads."""
        try:
            target = path.resolve(strict=True)
        except FileNotFoundError as error:
            remedy = "remove the link, or bring back what it leads to"
            raise FolderFault(f"holds a link to nothing, '{shown}'", remedy) from error
        except (RuntimeError, OSError) as error:  # Python 3.13 raises OSError at a circle
            raise _circle(shown) from error
        self.count += target.is_dir()
        if self.count > MOST:
            raise FolderFault(
                f"holds more than {MOST} links to folders", "put copies in their place"
            )
        if self.may_follow is not None and not self.may_follow(target):
            message = f"holds a link that leaves {self.within}, '{shown}'"
            raise FolderFault(message, "put a copy in its place, or remove it")
        return target


def _circle(shown: str) -> FolderFault:
    return FolderFault(f"holds a circle of links, '{shown}'", "remove the link")


def _check_name(name: str, shown: str) -> None:
    if name == FILE:
        # DVC refuses a folder with one inside (`IgnoreInCollectedDirError`).
        remedy = f"move its rules to the {FILE} of the repository"
        raise FolderFault(f"holds a {FILE}, '{shown}', which DVC refuses there", remedy)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        message = f"holds {os.fsencode(shown)!r}, a name that is not UTF-8"
        raise FolderFault(message, "rename it") from error
