"""Calls DVC where nobody reads along: what it says is kept for a message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.store.dvc import messages
from dataenvgym_spec.store.dvc.programs import environment

LINES: Final = 5
"""Lines of what DVC says that a message shows."""


def dvc(root: Path, *arguments: str) -> str | None:
    """Runs DVC in a repository; what it said if it failed, else None."""
    # One that outlives this process does no harm, and the next run waits for it.
    result = subprocess.run(
        [sys.executable, "-P", "-m", messages.__name__, "--wait-for-lock", *arguments],
        cwd=root,
        env={**environment(), **STEADY},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if not result.returncode:
        return None
    lines = result.stdout.strip().splitlines()
    return " | ".join(lines[-LINES:]) or f"exit code {result.returncode}"
