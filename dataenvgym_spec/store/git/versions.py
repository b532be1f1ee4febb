"""All versions of some files that git has on this branch, each with the commit that brought it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dataenvgym_spec.store.git.program import contents, git
from dataenvgym_spec.store.layout import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a file.

    Attributes:
        commit: the commit that brought it.
        when: its commit time, in seconds since 1970.
        first: whether nothing comes before the commit here: it is the first of all, or a shallow
            clone ends there.
        blob: what git calls the content; empty where the commit has removed the file.
    """

    commit: str
    when: int
    first: bool
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """The versions of some files.

    Attributes:
        shallow: whether the clone lacks earlier commits.
        files: the versions of each file, the oldest first.
        texts: the contents, by blob; what a partial clone has not is missing.
    """

    shallow: bool
    files: tuple[tuple[Version, ...], ...]
    texts: dict[str, bytes]


def versions(layout: Layout, paths: Sequence[str]) -> Versions | None:
    """The versions of files, also under the names that they had before; None without git.

    A file that began as a copy of another one has none of its versions.

    Args:
        layout: the repository.
        paths: the files, relative to its root.
    """
    shallow = git(layout, "rev-parse", "--is-shallow-repository")
    if shallow is None:
        return None
    files = tuple(tuple(_of_file(layout, path)) for path in paths)
    blobs = {version.blob for of_file in files for version in of_file if version.blob}
    return Versions(shallow=shallow.strip() == b"true", files=files, texts=contents(layout, blobs))


def descends(layout: Layout, commit: str, ancestor: str) -> bool:
    """Whether a commit comes after another one, and not beside it on another branch."""
    return git(layout, "merge-base", "--is-ancestor", ancestor, commit) is not None


def _of_file(layout: Layout, path: str) -> list[Version]:
    """The versions of a file, the oldest first; none of one that was never committed."""
    return [*_newest_first(layout, path, "HEAD")][::-1]


def _newest_first(layout: Layout, path: str, start: str) -> Iterator[Version]:
    # Both sides of a merge: what its author added while merging is nowhere else. Not `--follow`: it
    # takes a file that began as a copy of another one for that one.
    form = ("-m", "--raw", "--no-abbrev", "--no-renames", "--format=%x00%H %ct %P")
    log = git(layout, "log", *form, start, "--", path)
    for entry in (log or b"").decode("utf-8", "replace").split("\0")[1:]:
        head, *rows = entry.splitlines()
        commit, when, *parents = head.split()
        for row in rows:
            if not row.startswith(":"):
                continue
            # ":100644 100644 BEFORE AFTER M<tab>path": what is left of a deleted file is zeros.
            _, _, _, blob, status = row.split()[:5]
            blob = "" if set(blob) == {"0"} else blob
            yield Version(commit=commit, when=int(when), first=not parents, blob=blob)
            before = _renamed(layout, commit, path) if status == "A" else None
            if before is not None and parents:
                yield from _newest_first(layout, before, parents[0])
                return


def _renamed(layout: Layout, commit: str, path: str) -> str | None:
    """The name that a file had before a commit; None if the commit has made it."""
    form = ("-z", "-r", "-M", "--diff-filter=R", "--name-status", "--no-commit-id")
    said = git(layout, "diff-tree", *form, commit) or b""
    names = said.decode("utf-8", "replace").split("\0")
    # Each: "R" with how alike they are, the old name, and the new one.
    return dict(zip(names[2::3], names[1::3], strict=False)).get(path)
