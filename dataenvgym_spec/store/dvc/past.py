"""The results of a git revision, linked from DVC's cache into a folder of their own.

Nothing of the working tree is changed: indexes and locks are read from git, and what the locks name
is linked, never copied. A result that the working tree still holds stands in for a lost cache.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from dataenvgym_spec.core.dvc_config import cache_folder
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.store.dvc.hashes import Hashes
from dataenvgym_spec.store.dvc.state import Cache, StageLock, lock_in
from dataenvgym_spec.store.git.files import blobs_at, contents_of
from dataenvgym_spec.store.git.revisions import index_of, is_index_path
from dataenvgym_spec.store.layout import Layout, kind_of

READ: Final[Mapping[str, frozenset[str]]] = {
    "evaluate": frozenset({"out/selection", "out/test"}),
    "select": frozenset({"out/choice"}),
    "gate": frozenset({"out/gate"}),
    "plan": frozenset({"out/plan"}),
}
"""The ports that scores are read from, by the kind of their stages; a log is read of each stage."""
_DIRECTORY: Final = re.compile(r"[a-z]+-[0-9a-f]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The experiments of a revision.

    Attributes:
        layout: a folder laid out as the repository, with what could be had of the results.
        indexes: the experiments that were compiled at the revision, by name.
    """

    layout: Layout
    indexes: Mapping[str, Index]


def indexes_at(layout: Layout, revision: str, folder: Path) -> Past:
    """Writes the compiled experiments of a revision into a folder, without their results.

    Args:
        layout: the repository.
        revision: what git takes for a commit.
        folder: where to put them; it need not exist.

    Raises:
        UserError: there is no such revision, or an index in it is damaged.
    """
    target = Layout(root=folder)
    target.experiments.mkdir(parents=True, exist_ok=True)
    blobs = blobs_at(layout, revision, "experiments")
    texts = contents_of(layout, blobs.values())
    indexes = {}
    for path in filter(is_index_path, blobs):
        text = texts[blobs[path]]
        name = PurePosixPath(path).stem
        indexes[name] = index_of(text, path, revision)
        target.index(name).write_bytes(text)
    return Past(layout=target, indexes=indexes)


def link_results(
    layout: Layout, revision: str, past: Past, names: Collection[str]
) -> tuple[str, ...]:
    """Links what scores of some experiments of a revision are read from.

    Args:
        layout: the repository.
        revision: what git takes for a commit.
        past: what is known of that revision; its folder gets the results.
        names: the experiments.

    Returns:
        The stages that were done then, of which a result is not on this machine.

    Raises:
        UserError: a lock in the revision is damaged.
    """
    linker = _Linker(layout, past.layout)
    rows = (row.directory for name in names for row in past.indexes[name].stages)
    directories = {directory for directory in rows if _DIRECTORY.fullmatch(directory)}
    blobs = blobs_at(layout, revision, "store")
    _write_stages(layout, past.layout, blobs, directories)
    locks = _locks(layout, blobs, directories)
    # Where a link failed nothing else is made up: the stage stays undone, and is named.
    return tuple(name for name, lock in sorted(locks.items()) if not linker.link(name, lock))


def _write_stages(
    layout: Layout, target: Layout, blobs: Mapping[str, str], directories: Collection[str]
) -> None:
    """Writes what stages do, as far as the revision has it."""
    for name, text in _texts(layout, blobs, directories, "stage.json").items():
        path = target.stage(name) / "stage.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def _locks(
    layout: Layout, blobs: Mapping[str, str], directories: Collection[str]
) -> dict[str, StageLock]:
    """The locks of stages, by directory; a stage without one was not done."""
    locks = {}
    for name, text in _texts(layout, blobs, directories, "dvc.lock").items():
        path = Path("store") / name / "dvc.lock"
        lock = lock_in(text.decode("utf-8", "replace"), kind_of(name), path)
        if lock is not None:
            locks[name] = lock
    return locks


def _texts(
    layout: Layout, blobs: Mapping[str, str], directories: Collection[str], file: str
) -> dict[str, bytes]:
    """What a file of stages holds, by directory, where it is there."""
    paths = {name: f"store/{name}/{file}" for name in directories}
    there = {name: blobs[path] for name, path in paths.items() if path in blobs}
    contents = contents_of(layout, there.values())
    return {name: contents[blob] for name, blob in there.items()}


class _Linker:
    """Links the outs of stages, from the cache or from where the working tree has the same."""

    def __init__(self, layout: Layout, target: Layout) -> None:
        self._layout, self._target = layout, target
        self._hashes = Hashes(layout.root)
        self._cache = Cache(folder=cache_folder(layout.root), md5=self._hashes.md5)

    def link(self, directory: str, lock: StageLock) -> bool:
        """Links what is read of a stage; False if some of it is not here."""
        read = READ.get(kind_of(directory), frozenset())
        outs = {path: digest for path, digest in lock.outs.items() if path in read}
        # The log comes last: it says that a stage is done.
        outs["log"] = lock.outs.get("log", "")
        return all(self._out(directory, path, digest) for path, digest in outs.items())

    def _out(self, directory: str, path: str, digest: str) -> bool:
        target = self._target.stage(directory) / path
        if self._cache.holds(digest):
            return self._members(target, digest)
        here = self._layout.stage(directory) / path
        if self._hashes.of(here.relative_to(self._layout.root).as_posix()) != digest:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(here.resolve())
        return True

    def _members(self, target: Path, digest: str) -> bool:
        for name, member in (self._cache.listing(digest) or {}).items():
            place = target / name
            # A listing is a file like others: a name in it may not lead out of the folder.
            if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
                return False
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(self._cache.path(member).resolve())
        return True
