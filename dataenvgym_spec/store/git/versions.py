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
        blob: what git calls the content.
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

    Args:
        layout: the repository.
        paths: the files, relative to its root.
    """
    shallow = git(layout, "rev-parse", "--is-shallow-repository")
    if shallow is None:
        return None
    files = tuple(tuple(_of_file(layout, path)) for path in paths)
    blobs = {version.blob for of_file in files for version in of_file}
    return Versions(shallow=shallow.strip() == b"true", files=files, texts=contents(layout, blobs))


def _of_file(layout: Layout, path: str) -> Iterator[Version]:
    """The versions of a file, the oldest first; none of one that was never committed."""
    # Both sides of a merge: what its author added while merging is nowhere else.
    log = git(
        layout,
        "log",
        "--follow",
        "-m",
        "--raw",
        "--no-abbrev",
        "--format=%x00%H %ct %P",
        "--",
        path,
    )
    for entry in reversed((log or b"").decode("utf-8", "replace").split("\0")[1:]):
        head, *rows = entry.splitlines()
        commit, when, *parents = head.split()
        for row in rows:
            # ":100644 100644 BEFORE AFTER M<tab>path": what is left of a deleted file is zeros.
            if row.startswith(":") and set(row.split()[3]) != {"0"}:
                blob = row.split()[3]
                yield Version(commit=commit, when=int(when), first=not parents, blob=blob)
