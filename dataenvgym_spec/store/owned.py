"""Folders that belong to a process, and go with it, whatever way it ends.

One that is killed removes nothing, so whoever comes next does. That a process of this host lives, a
lock of the kernel says; of other hosts that see the same folder, an earlier start of this one, and
file systems without such locks, nothing is known, and age decides.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from dataenvgym_spec.store.leases.identity import host_id
from dataenvgym_spec.store.locks import held

LOCK: Final = ".lock"
"""The end of the name of the file beside a folder on which its process has a lock."""
OLD: Final = 86400.0
"""Seconds after which a folder is nobody's: what is done in one takes minutes."""
_NEW: Final = "new"
"""What a lock is called before it is one; it is no host, so that age decides what became of it."""


@contextmanager
def owned_folder(home: Path) -> Iterator[Path]:
    """A new folder that only this user can read; it is removed afterwards.

    Args:
        home: the folder that it is in, with what earlier processes have left.
    """
    home.mkdir(parents=True, exist_ok=True)
    sweep(home)
    number = uuid.uuid4().hex
    folder = home / f"{host_id()}-{number}"
    lock, new = _lock(folder), _lock(home / f"{_NEW}-{number}")
    with ExitStack() as locks:
        with suppress(OSError):  # some network disks have no locks
            locks.enter_context(held(new))
            # Only a file that is locked gets the name: one that is not says that nobody lives.
            new.rename(lock)
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for path in (lock, new):
                path.unlink(missing_ok=True)


def sweep(home: Path) -> None:
    """Removes the folders of processes that are gone, as far as can be told.

    Args:
        home: the folder that they are in; it may be missing.
    """
    names = {path.name.removesuffix(LOCK) for path in home.glob("*-*")}
    for folder in sorted(home / name for name in names):
        with suppress(OSError):
            if _is_nobodys(folder):
                shutil.rmtree(folder, ignore_errors=True)
                _lock(folder).unlink(missing_ok=True)


def _is_nobodys(folder: Path) -> bool:
    lock = _lock(folder)
    if folder.name.startswith(f"{host_id()}-") and lock.exists():
        with suppress(OSError), held(lock) as free:
            return free
    either = folder if folder.exists() else lock
    return time.time() - either.stat().st_mtime > OLD


def _lock(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{LOCK}")
