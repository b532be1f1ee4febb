"""Hosts on one folder: no stage is done twice, a dead host holds up nobody, a late one breaks nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.core.faults import LEASE_LOST
from dataenvgym_spec.setup.hardware.leases import claimed
from dataenvgym_spec.store.dvc.state import hash_of
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.log import Log
from dataenvgym_spec.store.leases.register import FolderRegister
from tests.support.hosts import STEPS, Host
from tests.support.repositories import call, new_repo

TERM = 2

Starts = Callable[..., Host]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = new_repo(tmp_path / "repo")
    leases = f"leases: {{at: .dataenvgym/leases, seconds: {TERM}}}\n"
    (path / "hardware.yaml").write_text(leases, encoding="utf-8")
    call("dataenvgym", "compile", cwd=path)
    return path


@pytest.fixture
def stage(repo: Path) -> str:
    return min(path.name for path in (repo / "store").glob("data-*"))


@pytest.fixture
def start(repo: Path, stage: str) -> Iterator[Starts]:
    """Starts a host on the stage; all of them are gone in the end."""
    started: list[Host] = []

    def start(name: str, until: Path | None = None) -> Host:
        started.append(Host(name, repo, stage, until=until))
        return started[-1]

    yield start
    for host in started:
        host.stop()


def history(repo: Path, stage: str) -> list[tuple[str, str]]:
    """What was done with the lease on a stage, and by which host."""
    log = Log(FolderRegister(Layout(root=repo).leases), stage)
    events = filter(None, map(log.event, log.numbers()))
    return [(event.act, event.holder.partition(",")[0]) for event in events]


def counted(repo: Path, stage: str) -> list[str]:
    """Who did which step of the result in its place; all ports hold the same."""
    (text,) = {
        path.read_text(encoding="utf-8") for path in (repo / "store" / stage).glob("out/*/*")
    }
    return text.split()


def test_two_hosts_do_a_stage_once(repo: Path, stage: str, start: Starts) -> None:
    go = repo.parent / "go"
    first = start("here", go)
    first.wait_for("half")
    second = start("there")
    second.wait_for("waiting for here, process")
    go.touch()
    assert [first.end(), second.end()] == [0, 0]
    assert "goes on" not in second.text() and "adopted" in second.text()
    assert counted(repo, stage) == ["here"] * STEPS
    acts = history(repo, stage)
    assert acts == [
        *(("claimed", "here"), ("published", "here"), ("released", "here")),
        *(("claimed", "there"), ("released", "there")),
    ]


def test_a_dead_host_holds_up_the_others_for_a_term_and_they_go_on_from_what_it_has_kept(
    repo: Path, stage: str, start: Starts
) -> None:
    first = start("here", repo.parent / "never")
    first.wait_for("half")
    first.send(signal.SIGKILL)
    first.end()
    second = start("there")
    assert second.end() == 0, second.text()
    assert f"goes on from {STEPS // 2}" in second.text()
    assert counted(repo, stage) == ["here"] * (STEPS // 2) + ["there"] * (STEPS // 2)
    assert history(repo, stage)[:2] == [("claimed", "here"), ("claimed", "there")]


def test_a_host_that_slept_past_its_lease_publishes_nothing(
    repo: Path, stage: str, start: Starts
) -> None:
    go = repo.parent / "go"
    first = start("here", go)
    first.wait_for("half")
    first.send(signal.SIGSTOP)
    second = start("there")
    assert second.end() == 0, second.text()
    folder = repo / "store" / stage
    made = {name: hash_of(folder / name) for name in ("out", "log")}
    go.touch()
    first.send(signal.SIGCONT)
    assert first.end() == LEASE_LOST
    assert f"error: '{stage}' was taken over by there, process" in first.text()
    assert "run again" in first.text()
    assert {name: hash_of(folder / name) for name in ("out", "log")} == made
    assert counted(repo, stage) == ["here"] * (STEPS // 2) + ["there"] * (STEPS // 2)
    assert [row for row in history(repo, stage) if row[0] == "published"] == [
        ("published", "there")
    ]
    # Run again, it takes the result that is there.
    again = start("here")
    assert again.end() == 0 and "adopted" in again.text()
    assert {name: hash_of(folder / name) for name in ("out", "log")} == made


def test_a_stage_that_fails_frees_its_lease_at_once(repo: Path, stage: str) -> None:
    layout = Layout(root=repo)
    with pytest.raises(RuntimeError), claimed(layout, stage, waiting=print):
        raise RuntimeError
    assert [act for act, _ in history(repo, stage)] == ["claimed", "released"]
