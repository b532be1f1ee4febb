"""Asking git, by its own program."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from dataenvgym_spec.store.layout import Layout


def git(layout: Layout, *arguments: str, stdin: bytes = b"") -> bytes | None:
    """What git prints in the repository; None if it fails or is not installed."""
    command = ["git", *arguments]
    try:
        done = subprocess.run(
            command, cwd=layout.root, input=stdin, capture_output=True, check=False
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def lines(layout: Layout, *arguments: str) -> list[bytes]:
    """The lines that git prints; none if it fails or is not installed."""
    return (git(layout, *arguments) or b"").splitlines()


def contents(layout: Layout, blobs: Iterable[str]) -> dict[str, bytes]:
    """The contents of blobs, by their names, in one call; less those that are not here.

    A partial clone without network has not all of them.
    """
    wanted = sorted(set(blobs))
    batch = git(layout, "cat-file", "--batch", stdin="\n".join(wanted).encode()) or b""
    found = {}
    position = 0
    for blob in wanted:
        # Each: a line of name, type and size, the content, a line break; or "NAME missing".
        end_of_head = batch.find(b"\n", position)
        if end_of_head < 0:
            break
        head = batch[position:end_of_head].split()
        start = end_of_head + 1
        position = start
        if len(head) == 3:
            size = int(head[2])
            found[blob] = batch[start : start + size]
            position = start + size + 1
    return found
