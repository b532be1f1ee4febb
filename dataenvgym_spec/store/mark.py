"""What tells a clone from others: a mark made at random, kept in a file of the clone.

A copy of a clone's folder has the file of the other one, and makes a mark of its own: it would take
the other's jobs and leases for its own. A clone that was moved keeps its mark, and so does one that
hosts see at different paths.
"""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from dataenvgym_spec.store import atomic


def mark_of(path: Path, root: Path) -> str:
    """The mark of a clone.

    Args:
        path: the file that holds it.
        root: of the clone.
    """
    mark, place = _read(path)
    if not mark:
        _make(path, root)
    elif not _is_there(place, root):
        atomic.write(path, _new(root))
    else:
        return mark
    return _read(path)[0]


def holds_mark(path: Path, mark: str) -> bool:
    """Whether a file holds a mark, whoever looks at it from wherever."""
    return bool(mark) and _read(path)[0] == mark


def _read(path: Path) -> tuple[str, str]:
    """A mark, and the place of the clone that made it; empty for what is not there."""
    with contextlib.suppress(OSError):
        mark, _, place = path.read_text(encoding="utf-8").partition("\n")
        return mark.strip(), place.strip()
    return "", ""


def _new(root: Path) -> str:
    return f"{uuid.uuid4().hex}\n{root.stat().st_ino} {root.resolve()}\n"


def _is_there(place: str, root: Path) -> bool:
    """Whether a clone is the one that was at a place.

    Either says so: hosts may have the same folder at other paths, and some file systems number it
    anew each time they are mounted. The number of a disk is different on each host.
    """
    number, _, path = place.partition(" ")
    return path == str(root.resolve()) or number == str(root.stat().st_ino)


def _make(path: Path, root: Path) -> None:
    """Makes a mark; of two hosts that make one at once, both get the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    atomic.write(temporary, _new(root))
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)
