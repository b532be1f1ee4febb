"""Where a bundle is opened before anything of it is in its place.

Whoever opens one works in a folder beside the place, on the same disk, and moves what is finished.
A kill leaves that folder, which the next one who opens something there clears.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import file_digest, md5_file
from dataenvgym_spec.core.text import size_text
from dataenvgym_spec.records.responses import read_responses
from dataenvgym_spec.store.bundle.archive import CHUNK, unpack
from dataenvgym_spec.store.bundle.checks import LONGEST_TEXT, check_listing, refuse
from dataenvgym_spec.store.bundle.manifest import Manifest
from dataenvgym_spec.store.dvc.locked import LockedStage
from dataenvgym_spec.store.dvc.state import PROTECTED, Cache
from dataenvgym_spec.store.locks import held

MARGIN: Final = 2
"""How many times the content there has to be room for: a file of data is written twice."""


@contextmanager
def workshop(folder: Path) -> Iterator[Path]:
    """An empty folder to work in, which is removed afterwards.

    Args:
        folder: where it is made; what a killed process left there is removed.

    Raises:
        UserError: another process works there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / "lock") as is_ours:
        if not is_ours:
            message = f"another process opens a bundle in '{folder.parent}'"
            raise UserError(message, help="wait until it has ended")
        inner = folder / "work"
        shutil.rmtree(inner, ignore_errors=True)
        inner.mkdir()
        try:
            yield inner
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def clear(folder: Path) -> None:
    """Removes what a process left in a folder to work in that was killed after it was done."""
    if (folder / "lock").is_file() and not folder.is_symlink():
        with held(folder / "lock") as is_free:
            if is_free:
                shutil.rmtree(folder, ignore_errors=True)


class Goods:
    """The contents of a bundle, unpacked and verified.

    Args of the constructor:
        bundle: the file.
        manifest: what it says of itself, which was checked.
        folder: an empty folder to unpack into.

    Raises:
        UserError: it is not what it says, or there is no room for it.
        OSError: it cannot be read, or the folder not written.
    """

    def __init__(self, bundle: Path, manifest: Manifest, folder: Path) -> None:
        self.manifest, self._folder = manifest, folder
        self._digests = {file.path: file.sha256 for file in manifest.files}
        self._listed: dict[str, frozenset[str]] = {}
        size = sum(manifest.contents().values())
        free = shutil.disk_usage(folder).free
        if size * MARGIN > free:
            needed = size_text(size * MARGIN)
            message = f"there are {size_text(free)} free, and opening it takes {needed}"
            raise UserError(message, help="free some space, or name a folder on another disk")
        unpack(bundle, manifest, folder)
        self._verify_objects()
        self._verify_responses()

    def _verify_objects(self) -> None:
        known = {*(item.md5 for item in self.manifest.objects), *self.manifest.withheld}
        for item in self.manifest.objects:
            path = self._folder / item.sha256
            if md5_file(path) != item.md5.removesuffix(".dir"):
                raise refuse(f"the result {item.md5} is not what DVC knows by that hash")
            if item.md5.endswith(".dir"):
                with path.open("rb") as text:
                    content = text.read(LONGEST_TEXT + 1)
                self._listed[item.md5] = check_listing(item.md5, content, known)
        # What no result has would lie in DVC's cache for whatever is called so one day.
        packed = [stage.lock for stage in self.manifest.stages if stage.lock is not None]
        named = self._objects(packed)
        for item in self.manifest.objects:
            if item.md5 not in named:
                raise refuse(f"it holds {item.md5}, which is of no result")

    def _objects(self, results: Iterable[LockedStage]) -> set[str]:
        """The objects that results are made of."""
        outs = {row.md5 for result in results for row in result.outs}
        return outs.union(*(self._listed.get(digest, ()) for digest in outs))

    def _verify_responses(self) -> None:
        journal = self.manifest.journal
        if journal is None:
            return
        path, rows = self._folder / journal.sha256, 0
        if _longest_line(path) > LONGEST_TEXT:
            raise refuse("a response of its journal is too long")
        for row in read_responses(path):
            if row is None:
                raise refuse("a response of its journal cannot be read")
            rows += 1
        if rows != journal.responses:
            raise refuse("its journal holds another number of responses than it says")

    def lay_out(self, root: Path) -> None:
        """Writes the files of the repository into an empty one."""
        for file in self.manifest.files:
            self.put(file.path, root)

    def keep_responses(self, target: Path) -> None:
        """Writes the responses where they can be imported from."""
        if self.manifest.journal is not None:
            self._copy(self.manifest.journal.sha256, target)

    def _copy(self, digest: str, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.opening")
        shutil.copyfile(self._folder / digest, temporary)
        temporary.replace(target)

    def put(self, path: str, root: Path) -> None:
        """Writes one file of the repository into its place there, whole."""
        self._copy(self._digests[path], root / path)

    def differs(self, path: str, root: Path) -> bool:
        """Whether something else than a file of the bundle is in its place, or on the way to it."""
        place = root / path
        for folder in list(place.relative_to(root).parents)[:-1]:
            above = root / folder
            if above.is_symlink() or (above.exists() and not above.is_dir()):
                return True
        if not os.path.lexists(place):
            return False
        if place.is_symlink() or not place.is_file():
            return True
        return file_digest(place) != self._digests[path]

    def stock(self, cache: Cache, results: Iterable[LockedStage]) -> None:
        """Puts the objects of results into DVC's cache. What is there already is left.

        Args:
            cache: the cache.
            results: those that fit.

        Raises:
            UserError: what is there under the hash of an object is another.
        """
        wanted = self._objects(results)
        for item in self.manifest.objects:
            if item.md5 not in wanted:
                continue
            place = cache.path(item.md5)
            if place.exists():
                if not cache.has(item.md5):
                    message = f"'{place}' in DVC's cache is damaged"
                    raise UserError(message, help="remove it, and open the bundle again")
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f".{place.name}.opening")
            shutil.copyfile(self._folder / item.sha256, temporary)
            temporary.chmod(PROTECTED)  # as DVC leaves what it has checked
            temporary.replace(place)


def _longest_line(path: Path) -> int:
    """The bytes of the longest line of a file, without reading it whole."""
    longest = current = 0
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            first, *others = chunk.split(b"\n")
            current += len(first)
            for line in others:
                longest, current = max(longest, current), len(line)
    return max(longest, current)
