"""DVC remotes on real servers: a colleague executes nothing, and a server that fails costs nobody a result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.remotes import ACCESS_KEY, BUCKET, PASSWORD, S3, SECRET_KEY, Ssh, s3, ssh
from tests.support.repositories import call
from tests.support.runs import executed

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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s3", "ssh"])
def test_a_colleague_executes_nothing_whatever_the_server_did_before(
    kind: str, quick_copy: Path, tmp_path: Path
) -> None:
    repo = quick_copy
    with serving(kind, tmp_path / "served") as (server, url):
        call("dvc", "remote", "add", "-q", "--default", "storage", url, cwd=repo)
        if isinstance(server, S3):
            call("dvc", "remote", "modify", "storage", "endpointurl", server.endpoint, cwd=repo)
        log_in(repo, kind)
        call("git", "add", "-A", cwd=repo)
        call("git", "commit", "-qm", "results", cwd=repo)
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
