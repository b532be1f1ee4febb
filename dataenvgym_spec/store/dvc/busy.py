"""Which processes work in a repository, by DVC's list of readers and writers (dvc/rwlock.py).

Its format: the path of a resource to the process that writes it, and to those that read it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.records.files import parse_json
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.elsewhere import alive_elsewhere

LOOKS: Final = 4
WRITTEN: Final = 0.1
"""Seconds in which a list is written that is begun."""


def working(layout: Layout) -> list[int]:
    """The live processes on the list."""
    return [pid for pid in _listed(_list(layout)) if _alive(pid)]


def is_stale(layout: Layout) -> bool:
    """Whether the list stops DVC, and nobody on it works.

    DVC drops a process that is gone by itself. One that was killed and that nobody waits for, as
    in containers without an init process, keeps its number, and DVC would call its stage busy for
    ever. DVC writes the list in place: one that is killed meanwhile leaves what none can read.

    The list does not say of which host a process is. Where another host works in the same clone, by
    its leases, those that do not live here may live there.
    """
    path = _list(layout)
    if _is_damaged(path):
        return True
    pids = _listed(path)
    if not pids or any(map(_alive, pids)):
        return False
    return alive_elsewhere(layout.leases) is None


def release(layout: Layout) -> bool:
    """Removes the list if it stops DVC and nobody on it works; whether it did."""
    found = is_stale(layout)
    if found:
        _list(layout).unlink(missing_ok=True)
    return found


def _is_damaged(path: Path) -> bool:
    """Whether the list cannot be read, and nobody is just writing it."""
    for _ in range(LOOKS):
        try:
            parse_json(path.read_text(encoding="utf-8"))
        except OSError:
            return False
        except ValueError:
            time.sleep(WRITTEN)
        else:
            return False
    return True


def _list(layout: Layout) -> Path:
    return layout.root / ".dvc" / "tmp" / "rwlock"


def _listed(path: Path) -> list[int]:
    """The processes on the list, dead or alive; none if it is missing or damaged."""
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        return sorted(_pids(content))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _pids(content: Any) -> set[int]:
    processes = list(content.get("write", {}).values())
    for readers in content.get("read", {}).values():
        processes += readers
    return {int(process["pid"]) for process in processes if process}


def _alive(pid: int) -> bool:
    """Whether a process runs; one that was killed and not yet waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        # The state comes after the program's name in parentheses, which may hold anything.
        state = stat.rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        # Gone meanwhile, or a system without /proc.
        return not Path("/proc/self").exists()
    return state != "Z"
