"""Who is at work in a repository, as DVC's list of readers and writers says (dvc/rwlock.py): and nobody, where all of them are dead."""

from __future__ import annotations

import json
import os
from pathlib import Path

from dataenvgym_spec.store.layout import Layout


def working(layout: Layout) -> list[int]:
    """The live processes on the list."""
    return [pid for pid in _listed(_list(layout)) if _alive(pid)]


def release(layout: Layout) -> None:
    """Takes the list away if it names dead processes only.

    DVC drops a process that is gone by itself. One that was killed and that nobody waits for, as in containers without an
    init process, keeps its number, and DVC would call its stage busy for ever.
    """
    listed = _listed(_list(layout))
    if listed and not any(map(_alive, listed)):
        _list(layout).unlink(missing_ok=True)


def _list(layout: Layout) -> Path:
    return layout.root / ".dvc" / "tmp" / "rwlock"


def _listed(path: Path) -> list[int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        infos = [
            *content.get("write", {}).values(),
            *(info for readers in content.get("read", {}).values() for info in readers),
        ]
        return sorted({int(info["pid"]) for info in infos if info})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _alive(pid: int) -> bool:
    """Whether a process runs; one that was killed and not yet waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            != "Z"
        )
    except (OSError, IndexError):  # gone meanwhile, or no Linux
        return not Path("/proc/self").exists()
