"""`dataenvgym rehearse`: where its files are, and what it prints where nothing could be rehearsed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataenvgym_spec.cli.rehearse import _place
from dataenvgym_spec.execute.rehearsal.rehearsal import MARK
from tests.support.repositories import call
from tests.support.specs import TEMPLATE, tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is no repository, with a spec whose student nobody knows."""
    here = tmp_path / "here"
    (here / "prompts").mkdir(parents=True)
    (here / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (here / "odd").mkdir()
    (here / "odd" / "config.json").write_text(json.dumps({"model_type": "of-nobody"}), "utf-8")
    student = {"model": {"kind": "path", "path": "odd"}}
    text = tiny(student={"model": None}).replace("student:\n", "student:\n  model: {}\n")
    path = here / "tiny.yaml"
    path.write_text(text.replace("model: {}", f"model: {json.dumps(student['model'])}"), "utf-8")
    return here


def test_without_a_folder_or_a_repository_nothing_is_left() -> None:
    with _place(None) as place:
        (place / "file").touch()
    assert not place.exists()


def test_a_folder_that_is_named_is_kept_and_emptied_by_the_next(folder: Path) -> None:
    there = folder.parent / "there"
    there.mkdir()
    for name in (MARK, "left"):
        (there / name).touch()
    words = ("dataenvgym", "rehearse", "tiny.yaml", "--offline", "--folder", "../there")
    told = call(*words, cwd=folder, ok=False).stdout
    assert f"files: {there}" in told and "could not be rehearsed" in told
    assert (there / MARK).is_file() and not (there / "left").exists()
    assert {path.name for path in folder.parent.iterdir()} == {"here", "there"}
    assert {path.name for path in folder.iterdir()} == {"odd", "prompts", "tiny.yaml"}
