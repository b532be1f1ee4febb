"""DVC remotes on servers of S3's protocol (moto's) and SFTP: a colleague executes nothing, and a server that fails costs nobody a result."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.remotes import (
    ACCESS_KEY,
    BUCKET,
    PASSWORD,
    S3,
    SECRET_KEY,
    Fault,
    Ssh,
    s3,
    ssh,
)
from tests.support.repositories import call
from tests.support.runs import executed
from tests.support.stubs import driver, new_sweep, ran
from tests.support.waiting import HANG

SECRETS = {
    "s3": {"access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY},
    "ssh": {"password": PASSWORD},
}


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[tuple[S3 | Ssh, str]]:
    """A server, and the address of a remote on it."""
    if kind == "s3":
        with s3() as server:
            yield server, f"s3://{BUCKET}/dvc"
    else:
        folder.mkdir()
        with ssh(folder) as files:
            yield files, f"ssh://{ACCESS_KEY}@127.0.0.1:{files.port}/dvc"


def log_in(repo: Path, kind: str) -> None:
    """Credentials go where DVC keeps them: into a file that git ignores."""
    for option, value in SECRETS[kind].items():
        call("dvc", "remote", "modify", "--local", "storage", option, value, cwd=repo)


def clone(repo: Path, target: Path, kind: str) -> Path:
    call("git", "clone", "-q", str(repo), str(target), cwd=repo.parent)
    log_in(target, kind)
    call("dataenvgym", "doctor", "--fix", cwd=target)
    return target


def who_knows(secret: str, repo: Path) -> list[str]:
    files = [path for path in repo.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path.relative_to(repo)) for path in files if secret.encode() in path.read_bytes()]


def shared(repo: Path, server: S3 | Ssh, url: str, kind: str) -> None:
    """Commits results, and names a remote for them."""
    call("dvc", "remote", "add", "-q", "--default", "storage", url, cwd=repo)
    if isinstance(server, S3):
        call("dvc", "remote", "modify", "storage", "endpointurl", server.endpoint, cwd=repo)
    log_in(repo, kind)
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "results", cwd=repo)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s3", "ssh"])
def test_a_colleague_executes_nothing_whatever_the_server_did_before(
    kind: str, quick_copy: Path, tmp_path: Path
) -> None:
    repo = quick_copy
    with serving(kind, tmp_path / "served") as (server, url):
        shared(repo, server, url, kind)
        for server.fault in ("full", "forbidden"):
            assert call("dvc", "push", "-q", "--run-cache", cwd=repo, ok=False).returncode
        server.fault = None
        # Nothing was lost to the refusals: what is here is pushed whole.
        call("dvc", "push", "-q", "--run-cache", cwd=repo)
        theirs = clone(repo, tmp_path / "theirs", kind)
        late = clone(repo, tmp_path / "late", kind)
        if kind == "s3":  # the other refuses to write, and lets everybody read
            server.fault = "forbidden"
            told = call("dataenvgym", "plan", "tiny", "--pull", cwd=theirs, ok=False)
            assert told.returncode == 2
            assert "the remote 'storage' cannot be asked" in told.stderr
            assert "or leave out --pull" in told.stderr
            server.fault = None
        out = call("dvc", "repro", "--pull", "tiny", cwd=theirs, timeout=600).stdout
        assert "Running stage" not in out and executed(theirs) == set()
        for path in repo.glob("store/*/out/*/*"):
            assert (theirs / path.relative_to(repo)).read_bytes() == path.read_bytes()
        for place in (repo, theirs):
            for secret in (SECRET_KEY, PASSWORD):
                assert who_knows(secret, place) in ([], [".dvc/config.local"])
            assert ".dvc/config.local" not in call("git", "ls-files", cwd=place).stdout
    # Where the server is gone, who did not pull is told so; who works without it is not held up.
    told = call("dataenvgym", "plan", "tiny", "--pull", cwd=late, ok=False)
    assert told.returncode == 2 and "cannot be asked what it holds" in told.stderr
    assert "run" in call("dataenvgym", "plan", "tiny", cwd=late).stdout


def colleague(repo: Path, folder: Path, kind: str) -> Path:
    """A clone of a repository, with the stub executors of it."""
    shutil.copytree(repo.parent / "bin", folder / "bin")
    return clone(repo, folder / "repo", kind)


def run(repo: Path, *options: str, code: int = 0) -> str:
    """A run in a repository with stub executors; what it said."""
    process = driver(repo, "run", "tiny", *options)
    said = process.communicate(timeout=HANG)[0]
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


def results(repo: Path) -> dict[str, bytes]:
    """All that stages have made, and the reports."""
    paths = [*repo.glob("store/*/out/**/*"), *repo.glob("reports/**/*")]
    files = (path for path in paths if path.is_file())
    return {path.relative_to(repo).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s3", "ssh"])
def test_a_run_fetches_from_a_slow_remote_and_goes_on_without_one_that_dies(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client of S3 asks a server that is gone four times more, and waits in between.
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    repo = new_sweep(tmp_path / "mine")
    run(repo)
    count = len(ran(repo))
    with serving(kind, tmp_path / "served") as (server, url):
        shared(repo, server, url, kind)
        call("dvc", "push", "-q", "--run-cache", cwd=repo)
        expected = results(repo)
        slow, dying, beside, none = (
            colleague(repo, tmp_path / name, kind) for name in ("slow", "dying", "beside", "none")
        )
        server.fault = "slow"
        run(slow, "--pull")
        assert ran(slow) == [] and results(slow) == expected
        faults: tuple[Fault, Fault] = ("forbidden", "gone")
        for place, fault, more in zip((dying, beside), faults, ((), ("--jobs", "2")), strict=True):
            server.fault = None
            server.dies_after(3, fault)
            said = run(place, "--pull", *more)
            assert server.fault == fault
            assert said.count("going on without it") == 1 and "did not finish" not in said
            # What came before is not made again, the rest was made; all is there.
            assert 0 < len(ran(place)) < count
            assert results(place) == expected
        # One that is gone before anything was done is the user's to mend, or to do without.
        said = run(none, "--pull", code=2)
        assert "cannot be asked what it holds" in said and "leave out --pull" in said
        assert ran(none) == [] and not results(none)
        run(none)
        assert results(none) == expected
