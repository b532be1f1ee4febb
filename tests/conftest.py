"""Fixtures: repositories with the small spec, fresh and finished."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from dataenvgym_spec.gym.sandboxes.shared import sharing
from dataenvgym_spec.store.locks import held
from tests.support.commands import journal_folder
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

    def reproduce(folder: Path) -> None:
        repo = committed(folder / "repo")
        # As users call it: a process of its own, with warm workers of its own, which end with it.
        said = call("dvc", "repro", "tiny", cwd=repo, timeout=600, apart=True).stdout
        (folder / "repro.txt").write_text(said, encoding="utf-8")

    return once(tmp_path_factory, "finished", reproduce) / "repo"


@pytest.fixture(scope="session")
def quickly_finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, by executors that only stand in: for what DVC and `plan` decide. Not to be changed; copy it."""

    def reproduce(folder: Path) -> None:
        repo = committed(folder / "repo")
        install_quick_executors(repo / QUICK)
        call("dvc", "repro", "tiny", cwd=repo, **quick_path(repo))

    return once(tmp_path_factory, "quick", reproduce) / "repo"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables and nothing in them; making one takes seconds. To be copied."""

    def make(folder: Path) -> None:
        from mlflow.store.db.utils import _initialize_tables
        from sqlalchemy import create_engine

        engine = create_engine(f"sqlite:///{folder / 'mlflow.db'}")
        _initialize_tables(engine)
        engine.dispose()

    return once(tmp_path_factory, "database", make) / "mlflow.db"


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that one worker of the session fills for all."""
    base = factory.getbasetemp()
    # Workers of pytest-xdist have neighbouring folders.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with held(folder.with_suffix(".lock"), waiting=lambda _: None):
        if not (folder / "whole").exists():
            folder.mkdir(exist_ok=True)
            make(folder)
            (folder / "whole").touch()
    return folder


def committed(path: Path) -> Path:
    """A compiled and committed repository."""
    new_repo(path)
    call("dataenvgym", "compile", cwd=path)
    call("git", "add", "-A", cwd=path)
    call("git", "commit", "-qm", "compiled", cwd=path)
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


def pytest_collection_finish() -> None:
    """What was imported stays: collecting garbage need not walk through it, nor come so often."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_configure(config: pytest.Config) -> None:
    os.environ["DATAENVGYM_JOURNAL"] = str(journal_folder())
    config.pluginmanager.register(OnlyDoctests())
