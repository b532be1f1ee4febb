"""Finding and calling the programs of this environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from dataenvgym_spec.core.errors import UserError


def dvc() -> str:
    """The `dvc` of this environment.

    Raises:
        UserError: it is not installed.
    """
    beside = Path(sys.executable).with_name("dvc")
    found = str(beside) if beside.exists() else shutil.which("dvc")
    if not found:
        raise UserError("the command 'dvc' is not installed", help="run: pip install dvc")
    return found


def environment() -> dict[str, str]:
    """The environment with this interpreter's scripts in reach: DVC hands its PATH to the stages."""
    folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
