"""Teachers that are shown images: who sees, and what a plan then reads besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.graphs import compiled, findings
from tests.support.specs import painted as spec

SERVICE = {"kind": "openai", "model": "eyes", "provider": "lab"}
READER = {"kind": "student"}


def said(folder: Path, text: str) -> list[str]:
    return [f"{one.code} {one.message}; {one.help}" for one in findings(folder, text)]


def plans(folder: Path, text: str) -> Any:
    """What the plan reads in the slot of items, and whether errors go with their images."""
    graph = compiled(folder, text)
    (plan,) = (stage for stage in graph.stages if stage.kind == "plan")
    read = [(item.slot, item.port) for item in plan.inputs if item.slot == "items"]
    return read, plan.plain.get("images")


def test_a_teacher_that_reads_text_alone_is_refused_where_images_are_shown(tmp_path: Path) -> None:
    checks = {"image-agrees": {"teacher": "writer"}}
    reads = "to 'writer', and a teacher of the kind 'student' reads text alone; "
    reads += "name a teacher that sees (azure, openai, vllm-server), or remove"
    assert said(tmp_path, spec(READER, {"show_images": True}, checks=checks)) == [
        f"E204 the check 'image-agrees' shows images {reads} 'teacher'",
        f"E204 the engine 'painted' shows images {reads} 'show_images'",
    ]
    assert said(tmp_path, spec(READER, {}, checks={"image-agrees": {}})) == []
    assert said(tmp_path, spec(READER, {"show_images": False})) == []
    assert said(tmp_path, spec(SERVICE, {"show_images": True}, checks=checks)) == []


@pytest.mark.parametrize(
    ("engine", "observe", "reads"),
    [
        ({"show_images": True}, {"errors": 2}, ([("items", "shown")], True)),
        ({"show_images": False}, {"errors": 2}, ([], None)),
        ({}, {"errors": 2}, ([], None)),
        ({"policy": True}, {"errors": 2}, ([("items", "shown")], True)),
        ({"show_images": True}, {"scores": True}, ([], None)),
        ({"show_images": True}, "nothing", ([], None)),
    ],
)
def test_a_plan_reads_shown_items_where_their_images_are_shown(
    engine: dict[str, Any], observe: Any, reads: Any, tmp_path: Path
) -> None:
    own = {key: value for key, value in engine.items() if key != "policy"}
    policy: dict[str, Any] = {"kind": "even"}
    if "policy" in engine:
        policy = {"kind": "llm", "teacher": "writer", "show_images": True}
    text = spec(SERVICE, own, observe=observe, policy=policy)
    assert plans(tmp_path, text) == reads
