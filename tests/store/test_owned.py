"""Folders that go with their process, also where it is killed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataenvgym_spec.store.leases import identity
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


def test_who_sweeps_before_a_new_lock_is_held_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock

    def after_another(handle: int, kind: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        sweep(tmp_path)
        flock(handle, kind)

    monkeypatch.setattr(fcntl, "flock", after_another)
    with owned_folder(tmp_path) as folder:
        os.utime(folder, (0, 0))
        sweep(tmp_path)
        assert folder.is_dir(), "its owner lives, however long"
    assert not list(tmp_path.iterdir())


def test_where_there_are_no_locks_age_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_handle: int, _kind: int) -> None:
        raise OSError("no locks available")

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", none)
        context = owned_folder(tmp_path)
        folder = context.__enter__()
    sweep(tmp_path)
    assert folder.is_dir()
    context.__exit__(None, None, None)
    assert not list(tmp_path.iterdir())


def test_what_was_left_before_its_lock_was_held_goes_with_age(tmp_path: Path) -> None:
    left = tmp_path / f"new-abc{LOCK}"
    left.touch()
    sweep(tmp_path)
    assert left.exists()
    os.utime(left, (0, time.time() - OLD - 60))
    sweep(tmp_path)
    assert not left.exists()


def test_a_machine_of_the_same_name_is_another_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with owned_folder(tmp_path) as folder:
        lock = folder.with_name(folder.name + LOCK)
    folder.mkdir()
    lock.touch()
    (tmp_path / "boot").write_text("7d0c", encoding="ascii")
    monkeypatch.setattr(identity, "_BOOT", tmp_path / "boot")
    identity.host_id.cache_clear()
    try:
        sweep(tmp_path)
        assert folder.is_dir(), "its lock may be held where this kernel does not see it"
    finally:
        monkeypatch.undo()
        identity.host_id.cache_clear()
    sweep(tmp_path)
    assert not folder.exists()


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
