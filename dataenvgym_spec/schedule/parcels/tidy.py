"""What killed stages leave on a machine that does not see their clone, and who removes it.

A stage that is done removes its repository itself, and one that fails its credentials. One that is
killed, with its machine or its driver, removes nothing: whoever does a stage there next does.
"""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.variables import count
from dataenvgym_spec.store.dvc.apart import CONFIG, LOCAL
from dataenvgym_spec.store.locks import held

DAYS: Final = "DATAENVGYM_NODE_DAYS"
"""The environment variable that says for how many days what nobody uses is kept."""
KEPT: Final = 30
"""What they are unless the user says otherwise."""
USED: Final = "used"
"""In the folder of a clone, a file whose time is that of its last stage."""
_CLONE: Final = re.compile("[0-9a-f]{32}")
_TRASH: Final = ".trash-"


def tidy(folder: Path, environ: Mapping[str, str]) -> None:
    """Removes what was left, of this clone and of others, before a stage is done.

    Args:
        folder: where this machine works for the clone, one of several in the folder above.
        environ: the environment.

    Raises:
        UserError: the variable says what cannot be.
    """
    days = count(environ, DAYS, "a number of days") or KEPT
    before = time.time() - days * 86400
    folder.mkdir(parents=True, exist_ok=True)
    base = folder.parent
    # One at a time: who is about to do a stage of another clone has said so, or waits here.
    with held(base / "tidy.lock", waiting=lambda _holder: None):
        (folder / USED).touch()
        for clone in sorted(filter(_is_clone, base.iterdir())):
            _tidy(clone, before)
    for trash in base.glob(f"{_TRASH}*"):
        shutil.rmtree(trash, ignore_errors=True)


def _is_clone(path: Path) -> bool:
    return _CLONE.fullmatch(path.name) is not None and path.is_dir()


def _tidy(clone: Path, before: float) -> None:
    """Removes credentials of stages that are not at work, and what is older than a time."""
    with ExitStack() as locks:
        free = {path: locks.enter_context(held(lock_of(path))) for path in _repositories(clone)}
        for repository in (path for path, is_free in free.items() if is_free):
            (repository / LOCAL).unlink(missing_ok=True)
            if _older(repository / CONFIG, before):  # each attempt writes it anew
                _discard(repository, clone.parent)
        if all(free.values()) and _older(clone / USED, before):
            _discard(clone, clone.parent)


def _repositories(clone: Path) -> Iterator[Path]:
    """Those of stages, whole ones and shards; DVC's cache is none."""
    for path in sorted(clone.iterdir()):
        if (path / ".dvc").is_dir():
            yield path


def lock_of(repository: Path) -> Path:
    """What whoever does a stage holds a lock on while its repository is in use."""
    return repository.with_name(f"{repository.name}.lock")


def _older(path: Path, before: float) -> bool:
    with suppress(OSError):
        return path.stat().st_mtime < before
    return False


def _discard(path: Path, base: Path) -> None:
    """Renames a folder at once; that it goes takes longer."""
    path.rename(base / f"{_TRASH}{uuid.uuid4().hex}")
