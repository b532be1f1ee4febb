"""What items have besides a question needs a task that has it, and a student that takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.components import Install
from tests.support.graphs import findings
from tests.support.specs import tiny

COLUMNS = {
    "images": {"type": "string", "x-column": "images", "description": "Column of images."},
}


def _said(folder: Path, kind: str, **sections: Any) -> list[str]:
    """The messages about a spec whose test split comes from a source of the test."""
    task = {
        "kind": kind,
        "sources": {"others": {"kind": "others", **sections.pop("source", {})}},
        "score": {"kind": "exact-match"},
        "splits": {"test": {"from": "others"}},
    }
    text = tiny(task=task, **sections)
    return [f"{found.code} {found.message}; {found.help}" for found in findings(folder, text)]


@pytest.fixture
def tasks(install: Install) -> Install:
    """Kinds of tasks with and without fields, and a source that gives nothing by itself."""
    install("task", "seen", ignores=["space"], shows=["images", "before", "tools"])
    install("source", "others", procedural=True, properties=COLUMNS)
    return install


def test_without_fields_nothing_is_said(tasks: Install, tmp_path: Path) -> None:
    assert _said(tmp_path, "seen") == []


def test_a_task_says_what_its_items_may_have(tasks: Install, tmp_path: Path) -> None:
    tasks("source", "others", procedural=True, shows=["tools"])
    first, second = _said(tmp_path, "math")
    assert first == (
        "E204 the items of 'others' have tools, and those of the task 'math' do not; "
        "take another source, or another kind: tool-use, seen"
    )
    assert second.startswith("E204 the prompt does not show tools, which the items of 'others'")


@pytest.mark.parametrize("how", ["declared", "column"])
def test_images_need_a_student_that_takes_them(tasks: Install, tmp_path: Path, how: str) -> None:
    source = {}
    if how == "declared":
        tasks("source", "others", procedural=True, shows=["images"])
    else:
        source = {"images": "photo"}
    for slot in ("trainer", "backend", "engine"):
        tasks(slot, "blind")
    agent: dict[str, Any] = {"engine": {"kind": "blind", "teacher": None, "oversample": None}}
    blind = {"train": {"method": "blind"}, "generate": {"backend": "blind"}}
    said = _said(tmp_path, "seen", source=source, student=blind, agent=agent)
    assert [line.partition(" does not work with images")[0] for line in said] == [
        "E204 the model 'scratch'",
        "E204 the trainer 'blind'",
        "E204 the backend 'blind'",
        "E204 the engine 'blind'",
    ]
    assert all("which the items of 'others' have" in line for line in said)
    tasks("model", "eyes", carries=["images"], ready=True)
    tasks("trainer", "sight", carries=["images"])
    tasks("backend", "seeing", carries=["images"])
    (first, *_) = _said(tmp_path, "seen", source=source)
    assert first.endswith("take another model (path, hub, paligemma, eyes)")
    able = {
        "train": {"method": "sight"},
        "generate": {"backend": "seeing"},
        "model": {"kind": "eyes"},
    }
    agent["engine"]["kind"] = "painter"
    tasks("engine", "painter", carries=["images"])
    said = _said(tmp_path, "seen", source=source, student=able, agent=agent)
    assert not [line for line in said if "images" in line]


@pytest.mark.parametrize(
    ("field", "template", "chat", "shown"),
    [
        ("before", "{{ input }}", False, False),
        ("before", "{{ input }}", True, True),
        ("before", "{{ before | length }} {{ input }}", False, True),
        ("tools", "{{ input }}", False, False),
        ("tools", "{{ tools | tojson }} {{ input }}", False, True),
    ],
)
def test_turns_and_tools_need_a_prompt_that_shows_them(
    tasks: Install, tmp_path: Path, field: str, template: str, chat: bool, shown: bool
) -> None:
    tasks("source", "others", procedural=True, shows=[field])
    (tmp_path / "asked.j2").write_text(template, encoding="utf-8")
    prompt = {"template": "asked.j2", "chat": chat}
    said = _said(tmp_path, "seen", student={"prompt": prompt})
    assert bool([line for line in said if "the prompt does not show" in line]) is not shown
