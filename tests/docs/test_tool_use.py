"""The page on tool use: its examples are read as it says."""

import json

import jsonschema

from dataenvgym_spec.gym.answers import answer_in, exactly, fields_of, text_in, tools_in
from dataenvgym_spec.gym.tasks.calling.reading import calls_of
from dataenvgym_spec.records.turns import ToolSchema
from tests.support.pages import blocks
from tests.support.repositories import ROOT

CALLS, REPLY = [
    text for language, text in blocks(ROOT / "docs" / "tool-use.md") if language == "json"
]


def test_the_calls_of_the_page_are_read() -> None:
    tools = [ToolSchema(name=name, parameters={}) for name in ("add", "multiply")]
    calls = calls_of(CALLS, tools)
    assert calls is not None
    assert [(call.name, call.arguments) for call in calls] == [
        ("add", {"a": 7, "b": 12}),
        ("multiply", {"a": "<node-0>", "b": 3}),
    ]


def test_the_reply_of_the_page_has_the_shape_and_is_an_item() -> None:
    reply = json.loads(REPLY)
    (example,) = reply["examples"]
    jsonschema.validate(example, exactly(fields_of("calls", reasoning=False)))
    assert text_in(example, "input") == "What do 7 and 12 come to?"
    (tool,) = tools_in(example, "calls") or ()
    assert tool.name == "add" and {*tool.parameters["properties"]} == {"a", "b"}
    target = answer_in(example, "target", "calls")
    assert target is not None
    assert json.loads(target) == [{"name": "add", "arguments": {"a": 7, "b": 12}}]
