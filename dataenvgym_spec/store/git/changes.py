"""The commits on this branch that changed some files, and what stood in the files then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.store.git.program import git, lines
from dataenvgym_spec.store.layout import Layout

Place = tuple[str, str]
"""A commit, and the path of a file in it, relative to the root of the repository."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit.

    Attributes:
        id: its hash.
        when: its time, in seconds since 1970.
        parents: the last ones before it that changed any of the files, on each branch.
    """

    id: str
    when: int
    parents: tuple[str, ...]


def ends(layout: Layout) -> frozenset[str] | None:
    """The commits at which a shallow clone ends; empty of a whole one, None without git."""
    path = git(layout, "rev-parse", "--git-path", "shallow")
    if path is None:
        return None
    file = layout.root / Path(path.decode("utf-8", "replace").strip())
    return frozenset(file.read_text(encoding="ascii").split()) if file.is_file() else frozenset()


def changes(layout: Layout, paths: Sequence[str]) -> tuple[Commit, ...]:
    """The commits that changed any of some files, and merges of them; parents before children.

    Args:
        layout: the repository.
        paths: the files, relative to its root.
    """
    # Merges as well: what one side had, and what its author changed while merging, is there alone.
    form = ("--full-history", "--simplify-merges", "--parents", "--timestamp")
    found = []
    for line in lines(layout, "rev-list", *form, "--topo-order", "--reverse", "HEAD", "--", *paths):
        when, commit, *parents = line.decode("ascii").split()
        found.append(Commit(id=commit, when=int(when), parents=tuple(parents)))
    return tuple(found)


def names_of(layout: Layout, path: str) -> list[str]:
    """A file's name, and those that it had before, the newest first.

    A file that began as a copy of another one never had that one's name.
    """
    names, start = [path], "HEAD"
    while True:
        # Not `--follow`: it takes a file that began as a copy of another one for that one.
        form = ("-m", "--no-renames", "--diff-filter=A", "--format=%H")
        for line in lines(layout, "log", *form, start, "--", names[-1]):
            commit = line.decode("ascii")
            before = _renamed(layout, commit, names[-1])
            if before is not None and before.isprintable() and before not in names:
                names.append(before)
                start = f"{commit}^"
                break
        else:
            return names


def blobs(layout: Layout, places: Sequence[Place]) -> dict[Place, str]:
    """What git calls the contents of files in some commits; less those that are not there."""
    asked = "".join(f"{commit}:./{path}\n" for commit, path in places)
    told = git(layout, "cat-file", "--batch-check", stdin=asked.encode()) or b""
    found = {}
    for place, line in zip(places, told.splitlines(), strict=False):
        # "NAME blob SIZE", or "COMMIT:PATH missing".
        name, *facts = line.decode("utf-8", "replace").split()
        if facts[:1] == ["blob"]:
            found[place] = name
    return found


def _renamed(layout: Layout, commit: str, path: str) -> str | None:
    """The name that a file had before a commit; None if the commit has made it."""
    form = ("-z", "-r", "-M", "--relative", "--diff-filter=R", "--name-status", "--no-commit-id")
    said = git(layout, "diff-tree", *form, commit) or b""
    names = said.decode("utf-8", "replace").split("\0")
    # Each: "R" with how alike they are, the old name, and the new one.
    return dict(zip(names[2::3], names[1::3], strict=False)).get(path)
