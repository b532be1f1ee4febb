"""Finding and calling the programs of this environment."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from dataenvgym_spec.core.errors import UserError


def dvc() -> str:
    """The path of this environment's `dvc`.

    Raises:
        UserError: it is not installed.
    """
    own = Path(sys.executable).with_name("dvc")
    if own.exists():
        return str(own)
    elsewhere = shutil.which("dvc")
    if not elsewhere:
        raise UserError("the command 'dvc' is not installed", help="run: pip install dvc")
    return elsewhere


def environment() -> dict[str, str]:
    """The environment variables with this interpreter's scripts first in PATH.

    DVC hands its PATH on to the stages.
    """
    scripts = Path(sys.executable).parent
    path = os.environ.get("PATH", os.defpath)
    return {**os.environ, "PATH": f"{scripts}{os.pathsep}{path}"}
