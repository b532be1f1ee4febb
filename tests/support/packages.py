"""Packages that bring components, built and installed as a user would."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.support.repositories import BIN, ROOT, call

PACKAGES = ROOT / "tests" / "packages"


def install(target: Path, *names: str) -> Path:
    """Builds packages from their source and installs them into a folder of their own."""
    sources = target.with_name(f"{target.name}-sources")
    for name in names:
        shutil.copytree(PACKAGES / name, sources / name)
    where = ["--python", str(BIN / "python"), "--target", str(target)]
    call(
        str(BIN / "uv"),
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--offline",
        *where,
        *(str(sources / n) for n in names),
        cwd=ROOT,
    )
    return target


def path_with(target: Path) -> str:
    """A PYTHONPATH with the installed packages."""
    return os.pathsep.join([str(target), os.environ.get("PYTHONPATH", "")])
