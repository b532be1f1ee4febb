"""Who asks for subskills has an engine that makes examples of them, and proposes what there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.language.components import definitions
from tests.support import teachers
from tests.support.graphs import findings
from tests.support.specs import tiny

BY_SOURCE = {"kind": "by-source", "source": "problems"}
POOL = {"pool": {"from": "problems", "draw": {"per_group": 40}}}
ENGINES: dict[str, dict[str, Any]] = {
    "procedural": {"kind": "procedural"},
    "llm": {"kind": "llm", "teacher": "writer"},
    "expert-iteration, drawing": {
        "kind": "expert-iteration",
        "teacher": "writer",
        "source": "problems",
    },
    "expert-iteration": {"kind": "expert-iteration", "teacher": "writer"},
    "from-pool": {"kind": "from-pool"},
    "label-only": {"kind": "label-only", "teacher": "writer"},
    "from-file": {
        "kind": "from-file",
        "path": "made.jsonl",
        "fields": {"input": "q", "target": "a", "group": "g"},
    },
}
"""Each engine with what it takes, and one that takes more than the others need."""
MET = ("procedural", "llm", "expert-iteration, drawing")
ELSEWHERE = {"odd", "painted", "repainted"}
"""One of a test, and two that serve tasks with images alone."""
UNSAID = {"teacher": None, "oversample": None}


@pytest.fixture(autouse=True)
def teacher(tmp_path: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        teachers.install(patch)
        yield
    teachers.forget()


def said(folder: Path, engine: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    """Messages and help about a skill tree in which an engine works."""
    rows = [
        {"q": f"{n} + 1", "a": str(n + 1), "g": group}
        for n in range(99)
        for group in ("sum", "lcm")
    ]
    (folder / "made.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    sections: dict[str, Any] = {
        "task": {"splits": POOL, "score": {"kind": "exact-match"}},
        "teachers": {"writer": {"kind": "scripted"}},
        "environment": {"kind": "skill-tree", "subskills": BY_SOURCE},
        "agent": {"policy": {"kind": "alternating", "power": None, "floor": None}},
        **more,
    }
    usual = {} if engine["kind"] == "procedural" else UNSAID
    sections["agent"] = {**sections["agent"], "engine": {**usual, **engine}}
    return [(one.message, one.help) for one in findings(folder, tiny(**sections))]


def test_all_engines_are_tried() -> None:
    assert {engine["kind"] for engine in ENGINES.values()} == set(
        definitions()["engine"]
    ) - ELSEWHERE


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_that_ignores_subskills_is_refused_where_they_are_proposed(
    tmp_path: Path, name: str
) -> None:
    found = said(tmp_path, ENGINES[name])
    if name in MET:
        assert found == []
        return
    ((message, help),) = found
    ends = "makes examples of skills alone"
    if name == "expert-iteration":
        ends = "makes examples of them only if it draws from a source"
    assert message == f"'by-source' proposes subskills, and the engine '{name}' {ends}"
    assert "an engine that does (expert-iteration, llm, painted, procedural, repainted)" in help


def test_without_subskills_any_engine_serves(tmp_path: Path) -> None:
    usual = {"environment": "skill-list", "agent": {}}
    for engine in ENGINES.values():
        assert said(tmp_path, engine, **usual) == []


def test_an_arm_with_data_of_another_one_has_no_engine_at_work(tmp_path: Path) -> None:
    drawing = {"agent": {"engine": {"kind": "procedural", "teacher": "generator"}}}
    arms = {"with-state": drawing, "no-state": None, "copied": {"data_from": {"arm": "with-state"}}}
    assert said(tmp_path, ENGINES["from-pool"], arms=arms, analysis=None) == []


def test_lists_of_what_is_no_skill_are_told(tmp_path: Path) -> None:
    """Else every plan would ask for nothing."""
    lists = {"sum": ["carrying"], "summ": ["zeros"]}
    usual = {"agent": {"policy": {"kind": "alternating", "power": None, "floor": None}}}
    for skills, expected in (
        (
            {"kind": "gold"},
            [("'listed' lists subskills of 'summ', which is no skill", "did you mean 'sum'?")],
        ),
        ({"kind": "clusters"}, []),
    ):
        listed = {"kind": "skill-tree", "subskills": {"kind": "listed", "lists": lists}}
        found = said(
            tmp_path, ENGINES["llm"], environment=listed, skills={"discover": skills}, **usual
        )
        assert found == expected
