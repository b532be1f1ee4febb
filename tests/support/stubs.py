"""A small sweep that stub executors run, and runs of it as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.repositories import BIN, environment, new_repo
from tests.support.specs import TINY

MATRIX = "matrix: {student.train.learning_rate: [1e-3, 2e-3]}\n"
ONE, TWO = "tiny-learning_rate-0_001", "tiny-learning_rate-0_002"
DRIVER = """\
import sys, dataenvgym_spec.schedule.dvc as dvc, dataenvgym_spec.schedule.local as local
before, folder = local.environment, sys.argv[1]
local.environment = dvc.environment = lambda: {**before(), "PATH": folder + ":" + before()["PATH"]}
sys.argv = ["dataenvgym", *sys.argv[2:]]
from dataenvgym_spec.cli.main import main
main()
"""
"""The command line, in which nothing is replaced but the executors: it puts the programs of its environment first in PATH."""


def new_sweep(folder: Path) -> Path:
    """A repository with two experiments of one arm and one iteration, which share most stages."""
    text = (
        TINY.replace("iterations: 2", "iterations: 1")
        .replace("refill: 1", "refill: 0")
        .replace("  no-state: {agent: {observe: nothing}}\n", "")
    )
    return installed(new_repo(folder / "repo", text.partition("analysis:")[0] + MATRIX))


def installed(repo: Path) -> Path:
    """A repository with the stub executors beside it, for `stub_path` and `driver`."""
    stub = (Path(__file__).parent / "stub_executor.py").read_text(encoding="utf-8")
    program = repo.parent / "bin" / "dataenvgym"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable} -IS\n{stub}", encoding="utf-8")
    program.chmod(0o755)
    return repo


def stub_path(repo: Path) -> dict[str, str]:
    """The environment in which plain DVC finds the stub executors."""
    return {"PATH": f"{repo.parent / 'bin'}:{environment()['PATH']}"}


def driver(repo: Path, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    """A command in a process of its own, in a session of its own as in a terminal; all that it says is in its output."""
    command = [str(BIN / "python"), "-c", DRIVER, str(repo.parent / "bin"), *arguments]
    return subprocess.Popen(
        command,
        cwd=repo,
        env=environment(shared=False),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A shell that puts the tests into the background has them ignore Ctrl-C, and so all below.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        **more,
    )


def ran(repo: Path) -> list[str]:
    """What was executed since the last call: the experiment that it was run for, and the stage."""
    path = repo / "ran.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return lines


def at_work(repo: Path) -> list[int]:
    """The processes that work in a repository."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            inside = str((process / "cwd").resolve()).startswith(str(repo))
            stat = (process / "stat").read_text(encoding="utf-8")
        except OSError:
            continue
        if inside and stat.rpartition(")")[2].split()[0] != "Z":
            found.append(int(process.name))
    return found
