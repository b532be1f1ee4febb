"""Whether results are what their locks say, found out by reading them.

DVC does not read again what it has marked as checked: an object of its cache with mode 0444, and a
result that it has copied from one. What a machine, or a person, has written over it goes unnoticed.
Large files are read once a clone, and again when they have changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.store.dvc.state import Cache, hash_of, read_lock, run_name
from dataenvgym_spec.store.layout import Layout, kind_of

REMEDY: Final = (
    "run: dvc checkout, which brings back what it should be; if it was that, run: "
    "dataenvgym verify --fix"
)


@dataclass(frozen=True, slots=True)
class Altered:
    """A file or folder that is not what it is taken for.

    Attributes:
        path: where it lies.
        what: what is wrong with it, in words.
    """

    path: Path
    what: str


def recorded(folder: Path, port: str) -> str | None:
    """The hash that the lock of a stage has of a port; None if it has none.

    Raises:
        UserError: the lock is damaged.
    """
    lock = read_lock(folder / "dvc.lock", kind_of(folder.name))
    return None if lock is None else lock.outs.get(f"out/{port}")


def is_altered(contents: Contents, folder: Path, port: str) -> bool:
    """Whether a port is in the workspace and not what the lock of its stage says.

    Args:
        contents: of the repository.
        folder: the stage's.
        port: its name.

    Raises:
        UserError: the lock is damaged.
    """
    return _differs(contents, folder / "out" / port, recorded(folder, port))


def _differs(contents: Contents, path: Path, digest: str | None) -> bool:
    found = hash_of(path, contents.md5, contents.ignored) if digest else None
    return found is not None and found != digest


def altered(layout: Layout, directories: Sequence[str]) -> Iterator[Altered]:
    """What of some stages' results is not what it is taken for.

    In the workspace and in DVC's cache, and all of the cache's records of runs.

    Args:
        layout: of the repository.
        directories: the stages'.

    Raises:
        UserError: a lock is damaged.
    """
    contents = Contents(layout.root)
    cache = Cache(folder=cache_folder(layout.root), md5=contents.md5)
    seen: set[str] = set()
    for directory in directories:
        folder = layout.stage(directory)
        lock = read_lock(folder / "dvc.lock", kind_of(directory))
        for name, digest in (lock.outs if lock else {}).items():
            if _differs(contents, folder / name, digest):
                yield Altered(folder / name, "is not what its lock says")
            yield from _objects(cache, digest, seen)
    for path in cache.run_files():
        if run_name(path.read_text(encoding="utf-8", errors="replace")) != path.name:
            yield Altered(path, "is not the record of a run that its name says")


def _objects(cache: Cache, digest: str, seen: set[str]) -> Iterator[Altered]:
    """The objects of a result that hold something else, each once."""
    listing = {"": digest}
    if digest not in seen and digest.endswith(".dir"):
        found = _object(cache, digest)
        if found is not None:
            yield found
            return
        listing = cache.listing(digest) or {}
    seen.add(digest)
    for one in sorted(set(listing.values()) - seen):
        seen.add(one)
        found = _object(cache, one)
        if found is not None:
            yield found


def _object(cache: Cache, digest: str) -> Altered | None:
    path = cache.path(digest)
    if not path.is_file() or cache.md5(path) == digest.removesuffix(".dir"):
        return None
    return Altered(path, "does not hold what its name says")


def remove(found: Altered) -> None:
    """Removes what is not what it is taken for: DVC brings it from a remote, or makes it anew."""
    if found.path.is_dir():
        shutil.rmtree(found.path)
    else:
        found.path.unlink(missing_ok=True)
