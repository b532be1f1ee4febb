"""Repositories to run a spec in, and the command line as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.specs import TEMPLATE, TINY

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "dataenvgym_spec"
BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """The environment of a user who has activated this one; offline, without tracking unless a test asks for it."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("MLFLOW_", "DATAENVGYM_"))
    }
    given = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
        "DATAENVGYM_TRACK": "0",
        "COLUMNS": "160",
    }
    return {**kept, **given, **more}


def call(
    *command: str, cwd: Path, ok: bool = True, timeout: float = 400, **more: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program as a user would."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if ok and result.returncode:
        raise AssertionError(
            f"{' '.join(command)} exited {result.returncode}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
        )
    return result


def new_repo(path: Path, spec: str = TINY) -> Path:
    """A git and DVC repository with one spec."""
    path.mkdir(parents=True, exist_ok=True)
    call("git", "init", "-q", "-b", "main", cwd=path)
    call("git", "config", "user.name", "A", cwd=path)
    call("git", "config", "user.email", "a@example.com", cwd=path)
    call("dvc", "init", "-q", cwd=path)
    call("dataenvgym", "doctor", "--fix", cwd=path, ok=False)
    (path / "specs" / "prompts").mkdir(parents=True)
    (path / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
    (path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    return path


def expect_refusal(result: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    """A command said these words, no traceback, and exited with a code."""
    said = result.stdout + result.stderr
    assert result.returncode == code, said
    assert "Traceback" not in said
    for word in words:
        assert word in said, said
