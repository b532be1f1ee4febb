"""DVC's own command line, with two messages put in other words; against the real DVC."""

import errno
import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import diskcache
import pytest

from dataenvgym_spec.store.dvc import messages
from tests.support.commands import call, environment

PROGRAM = f"{sys.executable} -m dataenvgym_spec.store.dvc.messages"
STAGE = "stages: {big: {cmd: 'cat ../in > big', deps: [../in], outs: [big]}}"
SIZE = 1_200_000


def repository(folder: Path) -> Path:
    """A repository of DVC with one stage in a folder of its own."""
    (folder / "small").mkdir(parents=True)
    (folder / "in").write_bytes(bytes(SIZE))
    (folder / "small" / "dvc.yaml").write_text(STAGE, encoding="utf-8")
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        call(*command, cwd=folder)
    return folder


def said(folder: Path, line: str) -> str:
    """What a shell says of a line, in a space of mounts of its own."""
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", line],
        cwd=folder,
        env=environment(PYTHONPATH=os.getcwd()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if "unshare failed" in result.stdout or "permission denied" in result.stdout:
        pytest.skip("this user may not mount")
    return result.stdout


def test_the_closing_hint_is_left_out_and_a_full_disk_is_called_so(tmp_path: Path) -> None:
    repo = repository(tmp_path / "repo")
    lines = (
        "cp small/dvc.yaml kept && mount -t tmpfs -o size=2m none small && mv kept small/dvc.yaml",
        f"{PROGRAM} repro small/dvc.yaml",
        "echo; echo; rm small/big; head -c 1500000 /dev/zero > small/fill",
        f"{PROGRAM} repro small/dvc.yaml",
        "echo code $?",
    )
    first, _, second = said(repo, "\n".join(lines)).partition("\n\n\n")
    assert "Running stage 'small/dvc.yaml:big'" in first
    assert "git add" not in first
    assert "No possible cache link types" in second
    assert re.search(r"because the disk is full: [0-9.]+ k?B are free at", second)
    assert "code 255" in second


def test_a_full_disk_of_its_databases_is_called_so_too(tmp_path: Path) -> None:
    """DVC speaks of a "disk I/O error", and of nothing that anybody could do."""
    repo = repository(tmp_path / "repo")
    (repo / "site").mkdir()
    lines = (
        "mount -t tmpfs -o size=1m none site && head -c 2000000 /dev/zero > site/fill",
        f"DVC_SITE_CACHE_DIR=$PWD/site {PROGRAM} repro small/dvc.yaml",
        "echo code $?",
    )
    told = said(repo, "\n".join(lines))
    assert re.search(r"help: the disk is full: .* are free at '.*site'; free some space", told)
    assert "code 255" in told


def test_a_fetch_that_fails_has_an_exit_code_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = repository(tmp_path / "repo")
    stage = repo / "small" / "dvc.yaml"
    call("dvc", "repro", "small/dvc.yaml", cwd=repo)
    (repo / "small" / "big").unlink()
    shutil.rmtree(repo / ".dvc" / "cache")
    # Nobody listens there.
    call("dvc", "remote", "add", "--default", "gone", "ssh://127.0.0.1:9/dvc", cwd=repo)
    monkeypatch.chdir(repo)
    assert messages.call(["repro", "--pull", "small/dvc.yaml"])[0] == messages.UNFETCHED
    assert messages.call(["repro", "small/dvc.yaml"])[0] == 0
    # A stage that fails is no fault of a remote.
    call("dvc", "remote", "remove", "gone", cwd=repo)
    stage.write_text(STAGE.replace("cat ../in > big", "false"), encoding="utf-8")
    code, heard = messages.call(["repro", "--pull", "small/dvc.yaml"])
    assert (code, heard.status) == (messages.FAILED, 1)


def test_a_stage_that_has_failed_is_not_run_again_for_a_list_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes who works here just when DVC wants to say that it does no more."""
    repo = repository(tmp_path)
    spoil = "test -e ../ran || echo { > ../.dvc/tmp/rwlock; echo once >> ../ran; exit 130"
    stage = {"cmd": spoil, "deps": ["../in"], "outs": ["big"]}
    (repo / "small" / "dvc.yaml").write_text(json.dumps({"stages": {"big": stage}}))
    monkeypatch.chdir(repo)
    _, heard = messages.call(["repro", "small/dvc.yaml"])
    assert (heard.status, heard.busy) == (130, "")
    assert (repo / "ran").read_text() == "once\n"


def test_a_database_that_cannot_begin_to_write_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that finds no room leaves its transaction open; DVC would try for ever to begin."""
    monkeypatch.setattr(diskcache.core.Cache, "_sql", diskcache.core.Cache._sql)
    monkeypatch.chdir(repository(tmp_path / "repo"))
    assert messages.call(["status", "--quiet"])[0] == 1
    folder = str(tmp_path / "links")
    with diskcache.Cache(folder) as links, diskcache.Cache(folder, timeout=0.01) as other:
        links["a"] = 1
        links._con.execute(messages.BEGIN)
        with pytest.raises(sqlite3.DatabaseError, match="transaction within a transaction") as told:
            links["b"] = 2
        assert not isinstance(told.value, sqlite3.OperationalError)
        # What another one writes passes, and is told as before: it is waited for.
        with pytest.raises(diskcache.Timeout):
            other.set("b", 2)
        links._con.execute("ROLLBACK")
        other["b"] = 2
        assert links["b"] == 2


def test_a_lock_is_waited_for_and_a_disk_that_has_none_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a network, for one, a file system may know of no locks: that does not pass."""
    from dvc import lock

    answers: list[int] = []

    def flock(_handle: int, _kind: int) -> None:
        if answers:
            number = answers.pop(0)
            raise OSError(number, os.strerror(number))

    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        assert len(waited) < 10, "it waits for ever"

    monkeypatch.setattr(lock.Lock, "lock", lock.Lock.lock)
    messages.wait_closely(0.01)
    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(messages.time, "sleep", sleep)
    path = tmp_path / "lock"
    answers += [errno.EWOULDBLOCK] * 2
    mine = lock.Lock(str(path))
    mine.lock()
    assert mine.is_locked and waited == [0.01] * 2
    mine.unlock()
    answers += [errno.ENOLCK] * 100
    with pytest.raises(lock.LockError, match=f"'{path}' cannot be locked: no locks available"):
        lock.Lock(str(path)).lock()
