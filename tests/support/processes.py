"""Processes of this machine, by their command lines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def running(is_wanted: Callable[[list[str]], bool]) -> list[int]:
    """The processes whose words are wanted."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # gone meanwhile
            continue
        if is_wanted(words):
            found.append(int(path.name))
    return found


def with_variable(name: str, value: str) -> list[int]:
    """The processes that were started with a variable of the environment, as far as this user may look."""
    wanted = f"{name}={value}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found


def family(process: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            stat = (path / "stat").read_text(encoding="utf-8")
            # State and parent come after the program's name, which may hold anything.
            parents[int(path.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found
