"""Calls DVC where nobody reads along: what it says is kept for a message.

Ctrl-C at a terminal is for the run, which lets what is being brought home get there. DVC hears none
of it, and ends with the process that has called it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.hashing import STEADY
from dataenvgym_spec.store.dvc import messages
from dataenvgym_spec.store.dvc.programs import environment
from dataenvgym_spec.store.locks import die_with_parent

OWN: Final = "dataenvgym_spec.store.dvc.quietly"
LINES: Final = 5
"""Lines of what DVC says that a message shows."""


def dvc(root: Path, *arguments: str) -> str | None:
    """Runs DVC in a repository; what it said if it failed, else None."""
    called = [sys.executable, "-P", "-m", OWN, str(os.getpid()), "--wait-for-lock", *arguments]
    result = subprocess.run(
        called,
        cwd=root,
        env={**environment(), **STEADY},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        start_new_session=True,
    )
    if not result.returncode:
        return None
    lines = result.stdout.strip().splitlines()
    return " | ".join(lines[-LINES:]) or f"exit code {result.returncode}"


if __name__ == "__main__":
    # Here and not before the program is begun: the caller may have threads.
    die_with_parent(int(sys.argv[1]))
    sys.exit(messages.main(sys.argv[2:]))
