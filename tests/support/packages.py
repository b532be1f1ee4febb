"""Packages that bring components, built and installed as a user would."""

from __future__ import annotations

import os
import shutil
import tomllib
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


def lay_out(target: Path, *names: str) -> Path:
    """Lays packages into a folder as an installer does, without building them; none of them can be imported."""
    for name in names:
        source = PACKAGES / name
        content = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))
        project = content["project"]
        for package in content["tool"]["setuptools"]["packages"]:
            shutil.copytree(source / package, target / package)
            (target / package / "__init__.py").write_text("raise AssertionError('imported')\n")
        info = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        head = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(head, encoding="utf-8")
        points = project["entry-points"]["dataenvgym_spec.components"].items()
        lines = ["[dataenvgym_spec.components]", *(f"{name} = {it}" for name, it in points)]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return target


def path_with(target: Path) -> str:
    """A PYTHONPATH with the installed packages."""
    return os.pathsep.join([str(target), os.environ.get("PYTHONPATH", "")])
