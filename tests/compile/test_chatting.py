"""Prompts that are conversations: what of them is in which key, and what they may show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.compile.compiler import front_end, lower, warnings
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.graph.ir import Stage
from tests.support.specs import TINY, merged, plain

ROWS = '{"q": "1 + 1", "a": "2"}\n{"q": "1 + 2", "a": "3"}\n'
SHOWN = {"kind": "jsonl", "path": "shown.jsonl", "fields": {"input": "q", "target": "a"}}
CHATS = {"template": "builtin:question", "chat": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a model that has a chat template, and a file of two rows."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}", encoding="utf-8")
    (tmp_path / "mine" / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    (tmp_path / "shown.jsonl").write_text(ROWS, encoding="utf-8")
    return tmp_path


def tree(**prompt: Any) -> dict[str, Any]:
    sections = {
        "student": {"prompt": {"template": "builtin:question", **prompt}},
        "task": {"sources": {"shown": SHOWN}},
    }
    made = merged(plain(TINY), sections)
    made["student"]["model"] = {"kind": "path", "path": "mine"}
    return made


def with_pool(made: dict[str, Any]) -> dict[str, Any]:
    made["task"]["splits"]["pool"] = {"from": "problems", "draw": {"per_group": 2}}
    return made


Stands = tuple[str, int | None, str]


def stages(folder: Path, made: dict[str, Any]) -> dict[Stands, Stage]:
    """The stages of a spec, by where they stand: arm, iteration and what is done."""
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(made), encoding="utf-8")
    graph = lower(front_end([path], root=folder)).graph
    found = {}
    for stage in graph.stages:
        use = stage.uses[0]
        found[use.arm, use.iteration, use.what] = stage
    return found


def said(folder: Path, made: dict[str, Any]) -> list[str]:
    """What is wrong with a spec."""
    try:
        stages(folder, made)
    except SpecError as error:
        return [finding.message for finding in error.diagnostics if finding.severity == "error"]
    return []


def test_a_prompt_that_says_so_may_leave_a_chat_template_unused(folder: Path) -> None:
    path = folder / "spec.yaml"
    for prompt, codes in (({}, ["W405"]), ({"chat": False}, []), ({"chat": True}, [])):
        path.write_text(yaml.safe_dump(tree(**prompt)), encoding="utf-8")
        found = warnings(front_end([path], root=folder))
        assert [finding.code for finding in found] == codes


def test_a_conversation_is_in_the_keys_of_training_and_evaluation_alone(folder: Path) -> None:
    text, chat = stages(folder, tree()), stages(folder, tree(**CHATS, system="Be brief."))
    moved = {chat[place].kind for place in chat if chat[place].id != text[place].id}
    assert {"train", "evaluate"} <= moved
    assert not moved & {"data", "reserve", "student", "skills"}
    for stage in chat.values():
        said = {"system": "Be brief."} if stage.kind in ("train", "evaluate") else None
        assert stage.plain.get("chat") == said
        assert type(stage.params).parse(stage.plain).plain == stage.plain
    assert not any("chat" in stage.plain for stage in text.values())


def test_what_is_shown_of_a_file_is_that_file(folder: Path) -> None:
    shots = {"from": "shown", "count": 2}
    for stage in stages(folder, tree(**CHATS, few_shot=shots)).values():
        if stage.kind in ("train", "evaluate"):
            (digest,) = stage.files
            source = {**SHOWN, "semantics": 3, "path": digest}
            few_shot = stage.plain["chat"]["few_shot"]
            assert few_shot["count"] == 2
            assert few_shot["from"] == source
            assert stage.files == {digest: "shown.jsonl"}
            assert type(stage.params).parse(stage.plain).plain == stage.plain


def test_what_is_shown_of_the_pool_is_an_input(folder: Path) -> None:
    shots = {"from": "pool", "count": 2}
    for stage in stages(folder, with_pool(tree(**CHATS, few_shot=shots))).values():
        shown = [item.port for item in stage.inputs if item.slot == "shots"]
        assert shown == (["pool"] if stage.kind in ("train", "evaluate") else [])


@pytest.mark.parametrize(
    ("shots", "message"),
    [
        ({"from": "problems", "count": 2}, "which the test split draws from"),
        ({"from": "pool", "count": 2}, "'task.splits' has none"),
        ({"from": "shown", "count": 3}, "shows 3 items of 'shown', which has 2 rows"),
        ({"from": "other", "count": 2}, "there is no source 'other'"),
    ],
)
def test_a_prompt_shows_what_no_split_holds(
    shots: dict[str, Any], message: str, folder: Path
) -> None:
    (found,) = said(folder, tree(**CHATS, few_shot=shots))
    assert message in found


def test_a_prompt_shows_no_items_of_a_source_without_end(folder: Path) -> None:
    made = tree(**CHATS, few_shot={"from": "endless", "count": 2})
    problems = made["task"]["sources"]["problems"]
    made["task"]["sources"]["endless"] = merged(problems, {"families": {"lcm": None}})
    assert "without end" in said(folder, made)[0]
