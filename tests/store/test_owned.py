"""Folders that go with their process, also where it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from dataenvgym_spec.store.owned import LOCK, OLD, owned_folder, sweep
from tests.support.commands import ROOT

OWNER = """
import pathlib, sys
from dataenvgym_spec.store.owned import owned_folder
with owned_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "config.local").write_text("secret")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_leaves_goes_with_the_next(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path / "home")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().decode().strip())
        assert folder.stat().st_mode & 0o777 == 0o700
        with owned_folder(tmp_path / "home"):
            assert (folder / "config.local").exists(), "its owner lives"
        process.kill()
        process.wait()
    assert (folder / "config.local").exists()
    with owned_folder(tmp_path / "home") as mine:
        assert set(mine.parent.iterdir()) == {mine, mine.with_name(mine.name + LOCK)}
    assert not list((tmp_path / "home").iterdir())


def test_of_another_host_age_decides(tmp_path: Path) -> None:
    sweep(tmp_path / "none")
    theirs = tmp_path / "00000000-abc"
    without = tmp_path / "00000001-abc"
    for path in (theirs, without):
        path.mkdir()
    theirs.with_name(theirs.name + LOCK).touch()
    sweep(tmp_path)
    assert theirs.is_dir() and without.is_dir()
    for path in (theirs, without):
        os.utime(path, (0, time.time() - OLD - 60))
    sweep(tmp_path)
    assert not list(tmp_path.iterdir())
