"""The check of calls really rejects: what is no call, fits no schema, or fails when it is executed."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest
from msgspec.structs import replace

from dataenvgym_spec.gym.checks.calls import Calls, fitting
from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.sandboxes.bubblewrap import available
from dataenvgym_spec.gym.tasks.scorers.exact_match import ExactMatch
from dataenvgym_spec.gym.tasks.sources.small_tools import SmallTools
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.turns import ToolSchema
from tests.support.golden import assert_golden

NUMBER = {"type": "integer", "minimum": 0}
ADD: dict[str, Any] = {
    "name": "add",
    "parameters": {"properties": {"a": NUMBER, "b": NUMBER}, "required": ["a", "b"]},
}
ANY: dict[str, Any] = {"name": "log", "parameters": {"additionalProperties": True}}


def said(*calls: tuple[str, dict[str, Any]]) -> str:
    return json.dumps([{"name": name, "arguments": arguments} for name, arguments in calls])


GOOD = said(("add", {"a": 1, "b": 2}))
JUDGED = {
    GOOD: None,
    "[]": None,
    said(("add", {"a": 1, "b": 2}), ("add", {"a": "<node-0>", "b": 3})): None,
    said(("add", {"a": 1, "b": 2}), ("log", {"text": "it is <node-0>.sum", "at": [1]})): None,
    "I would add these.": "its answer is no list of calls",
    '[{"name": "add"': "its calls cannot be read: it is no JSON: Expecting ',' delimiter: line 1 column 16 (char 15)",
    said(("subtract", {})): "it calls 'subtract', which is none of its tools",
    said(("add", {"a": 1})): "its call of 'add' does not fit: 'b' is a required property",
    said(("add", {"a": "one", "b": 2})): "its call of 'add' does not fit: 'one' is not of type 'integer'",
    said(("add", {"a": -1, "b": 2})): "its call of 'add' does not fit: -1 is less than the minimum of 0",
    said(("add", {"a": 1, "b": 2, "c": 3})): "its call of 'add' does not fit: there is no argument 'c'",
    said(("add", {"a": "<node-0>", "b": 2})): "its call of 'add' does not fit: '<node-0>' is not of type 'integer'",
    said(("log", {"text": "<node-1>"})): "its call of 'log' does not fit: it takes the result of a step that does not come before it",
}  # fmt: skip


@pytest.mark.parametrize("answer", JUDGED)
def test_calls_that_do_not_fit_are_objected_to(answer: str) -> None:
    assert fitting()(answer, [ADD, ANY]) == JUDGED[answer]


@pytest.mark.parametrize(
    ("parameters", "objection"),
    [
        ({"type": "whole"}, "the parameters of 'add' are no JSON Schema"),
        ({"properties": 3}, "the parameters of 'add' are no JSON Schema"),
        ({"properties": {"a": {"$ref": "http://127.0.0.1:9/x"}, "b": {}}}, "refers to what is not there"),
    ],
)  # fmt: skip
def test_a_schema_that_is_none_is_objected_to(parameters: Any, objection: str) -> None:
    """One that refers to the web is not fetched."""
    assert objection in str(fitting()(GOOD, [{**ADD, "parameters": parameters}]))


def test_two_tools_of_one_name_are_objected_to() -> None:
    assert fitting()(GOOD, [ADD, ADD]) == "two of its tools are called 'add'"


def test_what_the_check_says_is_what_its_number_says() -> None:
    found = [fitting()(answer, [ADD, ANY]) for answer in JUDGED]
    assert_golden("check", "calls", {1: "de0036abedf34e62"}, found)


def example(target: str, *tools: dict[str, Any], **verifier: Any) -> Example:
    schemas = tuple(map(ToolSchema.parse, tools))
    given = {"id": "1", "input": "q", "target": target, "group": "g", "cluster": "c", "skill": "g"}
    return Example(**given, tools=schemas, verifier=verifier)


@pytest.mark.skipif(available() is None, reason="bubblewrap is not installed")
def test_calls_of_functions_are_executed_in_the_sandbox() -> None:
    """What fails, takes forever or is no function is objected to, and a pattern that takes forever costs one example."""
    check, sight = Calls(seconds=0.25, memory=128), Sight(scorer=ExactMatch())
    divide = {**ADD, "name": "divide"}
    functions = {
        "add": "def add(a, b):\n    while b == 7: pass\n    return {'sum': a + b}",
        "divide": "def divide(a, b):\n    return a // b",
    }
    slow = {"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    answers = {
        said(("add", {"a": 1, "b": 2}), ("divide", {"a": "<node-0>.sum", "b": 2})): None,
        said(("add", {"a": 1, "b": 7})): "its call of 'add' fails: timeout",
        said(("divide", {"a": 1, "b": 0})): "its call of 'divide' fails: ZeroDivisionError: integer division or modulo by zero",
        said(("add", {"a": 1, "b": 2}), ("divide", {"a": "<node-0>.total", "b": 2})): "its call of 'divide' fails: 'total'",
    }  # fmt: skip
    candidates = [example(answer, ADD, divide, functions=functions) for answer in answers]
    candidates.append(example(said(("add", {"a": "a" * 40 + "b"})), {**ADD, "parameters": slow}))
    candidates.append(example(GOOD, ADD, functions={"add": "raise OSError"}))
    candidates.append(example(GOOD, ADD, functions={"other": "other = 1"}))
    *found, forever, broken, missing = check.objections(candidates, sight)
    assert dict(zip(answers, found, strict=True)) == answers
    assert "cannot be judged" in str(forever) and "cannot be executed" in str(broken)
    assert missing == "its tool 'add' is no function"
    made = SmallTools(
        families={"g": {"topic": "lists", "asks": "chain", "steps": 2, "offered": 3, "largest": 9}}
    )
    items = list(islice(made.stream("g", 1), 8))
    own = [Example(**{**item.plain(), "skill": "g", "tools": item.tools}) for item in items]
    assert check.objections(own, sight) == [None] * 8
    other = replace(own[0], target=said((own[0].tools[0].name, {})))
    assert check.objections([other], sight) != [None]
