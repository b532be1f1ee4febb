"""Asking git, by its own program."""

from __future__ import annotations

import subprocess

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
