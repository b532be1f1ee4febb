"""Folders that belong to a lease: two hosts never write to the same one.

The scratch of a stage is `scratch/NAME.NUMBER` by the number of the lease, and `scratch/NAME` a
link to the last one, for those who only look. So is the repository in which a machine of a cluster
does a stage. Whoever takes a lease renames the folder of the
holder before it, who finds nothing at his path from then on. What that one has open he can still
write to; so after a holder who is only presumed to be dead, the files are copied.
"""

from __future__ import annotations

import errno
import filecmp
import os
import re
import shutil
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.holding import Leases
from dataenvgym_spec.store.leases.lease import Lease
from dataenvgym_spec.store.scratch import DONE, INPUTS, Scratch, is_named_by_lock

TAKEN: Final = ".taken"
"""The end of the name of a folder that is being copied."""
COPY: Final = ".copy"


def leased_scratch(layout: Layout, lease: Lease) -> Scratch:
    """The scratch of a stage for the holder of its lease, with what is left of the last attempt.

    Raises:
        LeaseLost: somebody else holds the lease.
    """
    path = leased_folder(layout.scratch(lease.name), lease, INPUTS)
    return Scratch(path=path, target=layout.stage(lease.name))


def leased_folder(link: Path, lease: Lease, mark: str) -> Path:
    """The folder of the holder of a lease, with what is left of the last attempt.

    Args:
        link: leads to it from now on.
        lease: on what is done there.
        mark: what a folder has in it that somebody has worked in. One without it is what a late
            host has made anew at its path.

    Raises:
        LeaseLost: somebody else holds the lease.
    """
    path = link.with_name(f"{link.name}.{lease.number}")
    link.parent.mkdir(parents=True, exist_ok=True)
    # Before anything is moved: who comes too late would disturb who has it by now.
    lease.require()
    _hand_over(link, path, lease, mark)
    path.mkdir(exist_ok=True)
    lease.require()
    _point(link, path)
    return path


def _hand_over(link: Path, path: Path, lease: Lease, mark: str) -> None:
    """Makes the work of the holder before the beginning of this one's."""
    earlier = _earlier(link, lease, mark)
    for number, folder in earlier[:1]:
        with suppress(FileNotFoundError):  # two hosts take the same, and the later one has it
            if lease.taken_over and number:
                _copy(folder, path)
            else:
                folder.rename(path)
    for _, folder in earlier[1:]:
        shutil.rmtree(folder, ignore_errors=True)


def _earlier(link: Path, lease: Lease, mark: str) -> list[tuple[int, Path]]:
    """The folders of holders before, the last one first; 0 is the number of one without a lease."""
    ends = f"{re.escape(TAKEN)}|{re.escape(COPY)}"
    pattern = re.compile(rf"{re.escape(link.name)}\.(\d+)({ends})?")
    found = []
    for path in link.parent.glob(f"{link.name}.*"):
        match = pattern.fullmatch(path.name)
        # A copy that a later holder is making is his, even if this one does not know of him yet.
        if match is None or int(match[1]) >= lease.number:
            continue
        if match[2] != COPY and (path / mark).exists():
            found.append((int(match[1]), path))
        else:
            shutil.rmtree(path, ignore_errors=True)
    if link.is_dir() and not link.is_symlink():
        found.append((0, link))
    # A folder that was copied whole comes before the one that it was copied from.
    return sorted(found, key=lambda row: (-row[0], row[1].name))


def _copy(folder: Path, path: Path) -> None:
    """Moves a folder away and makes another one of the same content."""
    taken = path.with_name(path.name + TAKEN)
    if folder != taken:
        folder.rename(taken)
    made = path.with_name(path.name + COPY)
    shutil.copytree(taken, made, symlinks=True)
    made.rename(path)
    shutil.rmtree(taken, ignore_errors=True)


def _point(link: Path, path: Path) -> None:
    """Lets a link lead to a folder."""
    temporary = link.with_name(f".{link.name}.{uuid.uuid4().hex}")
    temporary.symlink_to(path.name)
    try:
        temporary.replace(link)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def put_in_place(space: Scratch, lease: Lease) -> None:
    """Links a published result into the stage's directory, unless it is there.

    It appears whole, and what is there already is left alone if it is the same: the host that
    published it may come back late.

    Raises:
        LeaseLost: somebody else holds the lease.
    """
    for name in ("out", "log"):
        target = space.target / name
        made = space.path / f"{name}.link"
        atomic.link_tree(space.path / name, made)
        while True:
            lease.require()
            try:
                os.rename(made, target)  # noqa: PTH104
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                if same(made, target):
                    shutil.rmtree(made, ignore_errors=True)
                    break
                old = space.path / f"{name}.{uuid.uuid4().hex}"
                with suppress(FileNotFoundError):
                    target.rename(old)
                shutil.rmtree(old, ignore_errors=True)


def same(first: Path, second: Path) -> bool:
    """Whether two folders hold the same files."""
    names = _files(first)
    if names != _files(second):
        return False
    try:
        return all(filecmp.cmp(first / name, second / name, shallow=False) for name in names)
    except OSError:
        return False


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def clean_leased(layout: Layout, leases: Leases) -> None:
    """Removes scratch whose result a lock of DVC names, of stages that nobody makes."""
    folder = layout.private / "scratch"
    for path in sorted(folder.glob("*.*")) if folder.is_dir() else ():
        name, _, number = path.name.rpartition(".")
        if not number.isdecimal() or not (path / DONE).is_file():
            continue
        event = leases.last(name)
        if event is not None and event.is_held:
            continue
        if is_named_by_lock(path, layout.stage(name)):
            # Renamed first: who takes the lease at this moment finds all of it or nothing.
            trash = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
            with suppress(FileNotFoundError):
                path.rename(trash)
            shutil.rmtree(trash, ignore_errors=True)
            unlink_dangling(folder / name)


def unlink_dangling(link: Path) -> None:
    """Removes a link that leads nowhere."""
    if link.is_symlink() and not link.exists():
        link.unlink(missing_ok=True)
