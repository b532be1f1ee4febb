"""Fixtures: repositories with the small spec, fresh and finished."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from dataenvgym_spec.gym.sandboxes.shared import sharing
from dataenvgym_spec.store.locks import held
from tests.support.components import Install, installing
from tests.support.repositories import PACKAGE, call, new_repo
from tests.support.runs import QUICK, install_quick_executors, quick_path

# Hypothesis fails an example that takes 0.2 s, which on a busy machine any may.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def _judges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Stages that run inside of this process share one that judges, as in a warm worker."""
    with sharing(tmp_path_factory.mktemp("judges") / "s"):
        yield


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A fresh repository with the small spec, not yet compiled."""
    return new_repo(tmp_path / "repo")


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Adds components to the table, as if a package had brought them."""
    yield from installing(monkeypatch)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which the small spec was reproduced once. Not to be changed; copy it."""

    def reproduce(repo: Path) -> None:
        # As users call it: a process of its own, with warm workers of its own.
        result = call("dvc", "repro", "tiny", cwd=repo, timeout=600, apart=True)
        (repo.parent / "repro.txt").write_text(result.stdout, encoding="utf-8")

    return once(tmp_path_factory, "finished", reproduce)


@pytest.fixture(scope="session")
def quickly_finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, by executors that only stand in: for what DVC and `plan` decide. Not to be changed; copy it."""

    def reproduce(repo: Path) -> None:
        install_quick_executors(repo / QUICK)
        call("dvc", "repro", "tiny", cwd=repo, **quick_path(repo))

    return once(tmp_path_factory, "quick", reproduce)


def once(factory: pytest.TempPathFactory, name: str, reproduce: Callable[[Path], None]) -> Path:
    """A compiled and committed repository that one worker of the session finishes for all."""
    base = factory.getbasetemp()
    # Workers of pytest-xdist have neighbouring folders.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    path = folder / "repo"
    with held(folder.with_suffix(".lock"), waiting=lambda _: None):
        if not (folder / "whole").exists():
            new_repo(path)
            call("dataenvgym", "compile", cwd=path)
            call("git", "add", "-A", cwd=path)
            call("git", "commit", "-qm", "compiled", cwd=path)
            reproduce(path)
            (folder / "whole").touch()
    return path


@pytest.fixture
def copy_of_finished(finished: Path, tmp_path: Path) -> Path:
    """A private copy of the finished repository."""
    target = tmp_path / "copy"
    shutil.copytree(finished, target, symlinks=True)
    return target


@pytest.fixture
def quick_copy(quickly_finished: Path, tmp_path: Path) -> Path:
    """A private copy of the quickly finished repository."""
    target = tmp_path / "copy"
    shutil.copytree(quickly_finished, target, symlinks=True)
    return target


@pytest.fixture
def dataenvgym(repo: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Calls the command line in the fresh repository, whatever it exits with."""
    return lambda *arguments, **more: call("dataenvgym", *arguments, cwd=repo, ok=False, **more)


class OnlyDoctests:
    """Of the package, only modules with doctests are collected: importing the others costs ten seconds."""

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        if collection_path.suffix != ".py" or PACKAGE not in collection_path.parents:
            return None
        return True if ">>> " not in collection_path.read_text(encoding="utf-8") else None


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(OnlyDoctests())
