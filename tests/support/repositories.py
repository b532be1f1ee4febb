"""Repositories to run a spec in."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from tests.support.commands import BIN, PACKAGE, ROOT, call, environment, expect_refusal, shell
from tests.support.specs import TEMPLATE, TINY

__all__ = ["BIN", "PACKAGE", "ROOT", "call", "environment", "expect_refusal", "new_repo", "shell"]


def new_repo(path: Path, spec: str = TINY) -> Path:
    """A git and DVC repository with one spec."""
    shutil.copytree(_prepared(), path, symlinks=True, dirs_exist_ok=True)
    (path / "specs" / "prompts").mkdir(parents=True)
    (path / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
    (path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    return path


@functools.cache
def _prepared() -> Path:
    """A repository without a spec, made once a process: a copy takes a hundredth of the time."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "prepared"
    path.mkdir()
    call("git", "init", "-q", "-b", "main", cwd=path)
    call("git", "config", "user.name", "A", cwd=path)
    call("git", "config", "user.email", "a@example.com", cwd=path)
    call("dvc", "init", "-q", cwd=path)
    call("dataenvgym", "doctor", "--fix", cwd=path, ok=False)
    return path


def share(repo: Path, folder: Path, profile: str = "") -> None:
    """Gives a clone the remote, and the leases, that other clones have in a folder.

    Args:
        repo: the clone.
        folder: where both are.
        profile: more of its hardware profile.
    """
    leases = f"leases: {{at: '{folder}/leases', seconds: 20}}\n"
    (repo / "hardware.yaml").write_text(leases + profile, encoding="utf-8")
    call("dvc", "remote", "add", "-q", "--default", "there", str(folder / "remote"), cwd=repo)
