"""Two clones with one remote, whose leases are in object storage: each stage is made in one of them, and pulled by the other."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.core.faults import LEASE_LOST
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.log import Log
from dataenvgym_spec.store.leases.objects import ObjectRegister
from tests.support.hosts import Host
from tests.support.remotes import ACCESS_KEY, BUCKET, SECRET_KEY, s3
from tests.support.repositories import call, new_repo

TERM = 4
pytestmark = pytest.mark.slow

Starts = Callable[..., Host]


def address(repo: Path) -> str:
    """Where the leases are: the servers of one process share what they hold."""
    return f"s3://{BUCKET}/{repo.parents[1].name}/leases"


@pytest.fixture
def clones(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    with s3() as server:
        mine = new_repo(tmp_path / "mine" / "repo")
        remote = f"s3://{BUCKET}/{tmp_path.name}/dvc"
        call("dvc", "remote", "add", "-q", "--default", "storage", remote, cwd=mine)
        for option, value in (
            ("endpointurl", server.endpoint),
            ("access_key_id", ACCESS_KEY),
            ("secret_access_key", SECRET_KEY),
        ):
            call("dvc", "remote", "modify", "--local", "storage", option, value, cwd=mine)
        leases = f"leases: {{at: '{address(mine)}', seconds: {TERM}}}\n"
        (mine / "hardware.yaml").write_text(leases, encoding="utf-8")
        call("dataenvgym", "compile", cwd=mine)
        theirs = tmp_path / "theirs" / "repo"
        shutil.copytree(mine, theirs, symlinks=True)
        yield mine, theirs


@pytest.fixture
def stage(clones: tuple[Path, Path]) -> str:
    return min(path.name for path in (clones[0] / "store").glob("data-*"))


@pytest.fixture
def start(stage: str) -> Iterator[Starts]:
    """Starts a host on the stage in a clone; all of them are gone in the end."""
    started: list[Host] = []

    def start(name: str, repo: Path, until: Path | None = None) -> Host:
        started.append(Host(name, repo, stage, until=until))
        return started[-1]

    yield start
    for host in started:
        host.stop()


def made(repo: Path, stage: str) -> dict[str, bytes]:
    """The result of the stage in a clone."""
    folder = repo / "store" / stage
    files = [path for name in ("out", "log") for path in (folder / name).rglob("*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.is_file()}


def published(repo: Path, stage: str) -> list[str]:
    """The hosts that have published a result."""
    log = Log(ObjectRegister(repo, address(repo)), stage)
    events = filter(None, map(log.event, log.numbers()))
    return [event.holder.partition(",")[0] for event in events if event.act == "published"]


def test_a_stage_is_made_in_one_clone_and_the_other_takes_it_from_the_remote(
    clones: tuple[Path, Path], stage: str, start: Starts, tmp_path: Path
) -> None:
    mine, theirs = clones
    go = tmp_path / "go"
    first = start("here", mine, go)
    first.wait_for("half")
    second = start("there", theirs)
    second.wait_for("waiting for here, process")
    go.touch()
    assert [first.end(), second.end()] == [0, 0], first.text() + second.text()
    assert "goes on" not in second.text()
    assert "brought from the remote: it was made by here" in second.text()
    assert made(theirs, stage) == made(mine, stage) and len(made(mine, stage)) > 1
    assert published(mine, stage) == ["here"]
    # What the leases need has left no trace in either clone.
    for repo in clones:
        assert not list(Layout(root=repo).apart.iterdir())
        assert not (repo / "store" / stage / "dvc.lock").exists()


def test_a_dead_clone_holds_up_the_other_for_a_term(
    clones: tuple[Path, Path], stage: str, start: Starts, tmp_path: Path
) -> None:
    mine, theirs = clones
    first = start("here", mine, tmp_path / "never")
    first.wait_for("half")
    first.send(signal.SIGKILL)
    first.end()
    second = start("there", theirs)
    assert second.end() == 0, second.text()
    assert "goes on from 0" in second.text() and published(mine, stage) == ["there"]


def test_a_clone_that_slept_past_its_lease_publishes_nothing_and_takes_the_others_result(
    clones: tuple[Path, Path], stage: str, start: Starts, tmp_path: Path
) -> None:
    mine, theirs = clones
    go = tmp_path / "go"
    first = start("here", mine, go)
    first.wait_for("half")
    first.send(signal.SIGSTOP)
    second = start("there", theirs)
    assert second.end() == 0, second.text()
    go.touch()
    first.send(signal.SIGCONT)
    assert first.end() == LEASE_LOST
    assert f"error: '{stage}' was taken over by there, process" in first.text()
    assert made(mine, stage) == {}
    again = start("again", mine)
    assert again.end() == 0 and "brought from the remote" in again.text()
    assert made(mine, stage) == made(theirs, stage)
    assert published(mine, stage) == ["there"]
