"""Processes of this machine, by their command lines."""

from __future__ import annotations

from collections.abc import Callable
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
