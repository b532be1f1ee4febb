"""A student learns, in each domain, what it is taught; one that is taught something else does not. As users run it: by `dvc repro`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec import load
from tests.support.learning import learned, with_library
from tests.support.repositories import call

STUDIES = [
    pytest.param("word-problems", "worked", "something-else", id="math"),
    pytest.param("programs", "taught", "taught-others", id="code"),
    pytest.param("vqa", "seen", "noise", id="vqa"),
    pytest.param("tools", "taught", "taught-others", id="tool-use"),
]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the specs that are shipped."""
    return with_library(tmp_path_factory.mktemp("learning") / "repo")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arm", "control"), STUDIES)
def test_a_student_learns_what_it_is_taught(name: str, arm: str, control: str, shelf: Path) -> None:
    call("dataenvgym", "compile", f"specs/library/{name}.yaml", cwd=shelf)
    call("dvc", "repro", name, cwd=shelf, timeout=7200)
    found = learned(load(name, root=shelf), arm, control)
    assert len(found) == 3
    assert all(run.shown for run in found.values()), found
