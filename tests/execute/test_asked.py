"""Which engine that is kept can be asked: what is known of the base model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.execute.asked import content_of_base
from dataenvgym_spec.execute.context import Context, PortRead
from tests.support.training import context

BASE = PortRead(slot="student", port="student", path=Path(), key="b", digest="of-base")


def evaluation(folder: Path, *students: str) -> Context:
    """An evaluation that reads the student of a stage, and perhaps its base."""
    slots, reads = ("student", "base"), []
    for slot, directory in zip(slots, students, strict=False):
        path = folder / "store" / directory / "out" / "student"
        path.mkdir(parents=True)
        reads.append(replace(BASE, slot=slot, path=path, digest=f"of {directory}"))
    made = context(folder)
    made.reads = tuple(reads)
    return made


@pytest.mark.parametrize(
    ("students", "content"),
    [
        (("train-1", "student-2"), "of student-2"),
        (("student-2",), "of student-2"),
        (("train-1",), None),
    ],
    ids=["an adapter", "the base itself", "a whole student"],
)
def test_a_base_is_known_and_a_whole_student_is_none(
    tmp_path: Path, students: tuple[str, ...], content: str | None
) -> None:
    assert content_of_base(evaluation(tmp_path, *students)) == content


def test_what_lies_outside_of_the_repository_is_known_by_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, outside = evaluation(tmp_path, "train-1", "student-2"), tmp_path / "model"
    outside.mkdir()
    monkeypatch.setattr(Context, "folder", lambda _self, _port: outside)
    seen = [content_of_base(made)]
    for text in ("one", "another"):
        (outside / "model.safetensors").write_text(text, encoding="utf-8")
        seen.append(content_of_base(made))
    assert len({*seen, None}) == 4


def test_nothing_is_known_of_what_nobody_has_read(tmp_path: Path) -> None:
    made = evaluation(tmp_path, "train-1", "student-2")
    made.reads = tuple(replace(port, digest="") for port in made.reads)
    assert content_of_base(made) is None
