"""Calls of tools: which an answer makes, and when they are right."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.gym.tasks.calling.items import schema_of
from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, UnreadableCall, written
from dataenvgym_spec.gym.tasks.calling.reading import calls_of
from dataenvgym_spec.gym.tasks.protocol import Answer, Score
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.turns import ToolSchema
from tests.support.golden import assert_golden
from tests.support.repositories import ROOT
from tests.support.scoring import made_scorer

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "calls.json").read_text(encoding="utf-8")
)
PAGE = (ROOT / "docs" / "tool-use.md").read_text(encoding="utf-8")
NUMBER = {"type": "integer"}
ADD = ToolSchema(
    name="add",
    parameters={
        "type": "object",
        "properties": {"a": NUMBER, "b": NUMBER, "unit": {"type": "string", "default": "cm"}},
        "required": ["a", "b"],
    },
)
SAY = ToolSchema(name="text.say", parameters={"properties": {"text": {"type": "string"}}})
ONE = '{"name": "add", "arguments": {"a": 1, "b": 2}}'
TWO = '{"name": "text.say", "arguments": {"text": "<node-0>"}}'


def call(name: str, /, **arguments: Any) -> ToolCall:
    return ToolCall(name=name, arguments=arguments)


SUM, SPOKEN = call("add", a=1, b=2), call("text.say", text="<node-0>")


def item(*calls: ToolCall, others: tuple[str, ...] = (), **more: Any) -> Item:
    """A request whose target are these calls."""
    target = written(calls)
    targets = (target, *others) if others else ()
    given = {"target": target, "targets": targets, "tools": (ADD, SAY), **more}
    return Item(id="1", input="q", group="g", cluster="c", **given)


def scored(
    kind: str, of: Item, *texts: str, truncated: bool = False, **options: Any
) -> list[Score]:
    given = [(of, Answer(text=text, truncated=truncated)) for text in texts]
    return list(made_scorer(kind, **options).score(given))


def values(kind: str, of: Item, *calls: list[ToolCall], **options: Any) -> list[float]:
    return [score.value for score in scored(kind, of, *map(written, calls), **options)]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        (f"[{ONE}]", [SUM]),
        (ONE, [SUM]),
        (f"Sure:\n[{ONE}, {TWO}]\nDone.", [SUM, SPOKEN]),
        (f"{ONE}\n{TWO}", [SUM, SPOKEN]),
        (f"{ONE}; {TWO}", [SUM, SPOKEN]),
        (f"So:\n```json\n[{ONE}]\n```\nThat adds.", [SUM]),
        (f"```json\n[{TWO}]\n```\nNo:\n```\n[{ONE}]\n```", [SUM]),
        (f"<tool_call>\n{ONE}\n</tool_call>\n<tool_call>{TWO}</tool_call>", [SUM, SPOKEN]),
        (f"<tool_call>{ONE}", [SUM]),
        ('{"name": "add", "parameters": {"a": 1, "b": 2}}', [SUM]),
        ('{"role": "assistant", "content": null, "tool_calls": [{"id": "x", "type": "function", '
         '"function": {"name": "add", "arguments": "{\\"a\\": 1, \\"b\\": 2}"}}]}', [SUM]),
        ('{"role": "assistant", "content": "Nothing fits.", "tool_calls": null}', []),
        ('{"name": "now"}', [call("now")]),
        ("[]", []),
        ("add(a=1, b=2)", [SUM]),
        ("[add(a=1, b=2), text.say(text='x')]", [SUM, call("text.say", text="x")]),
        ("add(1, b=2)", [SUM]),
        ("x = add(\n    a=1,\n    b=2,\n)\ntext.say(text=x)", [SUM, SPOKEN]),
        ("text.say(text=add(a=1, b=2))", [SUM, SPOKEN]),
        ("```python\nimport api\n\ndef solve():\n    'Adds.'\n    x = add(a=1, b=2)\n"
         "    y = text.say(text=f\"it is {x['sum']}.\")\n    return {'y': y}\n```",
         [SUM, call("text.say", text="it is <node-0>.sum.")]),
        ("add(a=-1, b=[true, None, {'x': 1.5}])", [call("add", a=-1, b=[True, None, {"x": 1.5}])]),
        ("x = add(a=1, b=2)\ntext.say(text=x.sum + ' m')",
         [SUM, call("text.say", text="<node-0>.sum m")]),
        ("I would add these, but no tool does.", None),
        ("", None),
    ],
)  # fmt: skip
def test_which_calls_an_answer_makes(text: str, calls: list[ToolCall] | None) -> None:
    assert calls_of(text, (ADD, SAY)) == calls


@pytest.mark.parametrize(
    "text",
    [
        "[{'name': 'add'",
        '[{"name": "add", "arguments": {"a": 1',
        '{"name": "add", "arguments": "no JSON"}',
        '{"name": "add", "arguments": [1, 2]}',
        '{"arguments": {"a": 1}}',
        '{"name": "add", "arguments": {"a": NaN}}',
        "[1, 2]",
        f"{ONE} {{",
        "[" * 5000,
        "```\nno calls here\n```",
        "<tool_call>add one and two</tool_call>",
        "Let me call add(1, 2) for you.",
        "add(a=1 + 2, b=3)",
        "add(**given)",
        "add(a=unknown, b=2)",
        "add(1, 2, 'cm', 4)",
        "for n in range(3): add(a=n, b=2)",
        "x, y = add(a=1, b=2)",
        "add(a=1)(b=2)",
        "add(a={1: 2})",
        "add(a=b'x')",
        "add(a=-'x')",
        "def f(): pass\nf + add(a=1)",
    ],
)
def test_calls_that_cannot_be_read_are_said_to_be(text: str) -> None:
    """None is fatal; where nothing is to be called they are no right answer either."""
    with pytest.raises(UnreadableCall):
        calls_of(text, (ADD, SAY))
    for kind in ("calls", "plans", "call-f1"):
        for score in (*scored(kind, item(SUM), text), *scored(kind, item(), text)):
            assert (score.value, score.parsed, score.cause) == (0.0, False, "UnreadableCall")


def test_what_is_cut_off_is_unreadable() -> None:
    for text in (f"```\n[{ONE}]", f"<tool_call>{ONE}</tool_call><tool_call>{TWO}"):
        (whole,) = scored("call-f1", item(SUM), text, unit="names", statistic="recall")
        (cut,) = scored("calls", item(SUM), text, truncated=True)
        assert whole.correct and not cut.parsed
    (cut,) = scored("calls", item(SUM), f"[{ONE}]\nThis", truncated=True)
    assert cut.correct


def test_a_notation_is_read_alone_where_it_is_asked_for() -> None:
    python = "add(a=1, b=2)"
    for notation, right in (("json", [True, False]), ("python", [False, True])):
        scores = scored("calls", item(SUM), f"[{ONE}]", python, notation=notation)
        assert [score.correct for score in scores] == right
        assert [score.parsed for score in scores] == right


def test_where_nothing_is_to_be_called_an_answer_may_say_so() -> None:
    answers = ("[]", "No tool does that.", "", f"[{ONE}]")
    free = scored("calls", item(), *answers)
    assert [(score.correct, score.parsed) for score in free] == [
        (True, True), (True, True), (False, False), (False, True),
    ]  # fmt: skip
    strict = scored("calls", item(), *answers, prose="unreadable")
    assert [score.correct for score in strict] == [True, False, False, False]
    (silent,) = scored("calls", item(SUM), "It is 3.")
    assert (silent.value, silent.parsed) == (0.0, True)


def test_a_target_accepts_its_values_and_its_tools_defaults() -> None:
    longer = call("add", a=1, b=2, unit="cm")
    assert values("calls", item(longer), [longer], [SUM]) == [1.0, 1.0]
    assert values("calls", item(SUM), [SUM], [longer], [call("add", a=1)]) == [1.0, 0.0, 0.0]
    spoken = item(call("text.say", text="Ann, Ben"))
    other = [call("text.say", text="ann ben")]
    assert values("calls", spoken, other) == [1.0]
    assert values("calls", spoken, other, texts="exact") == [0.0]
    either = item(SUM, others=(written([SPOKEN]),))
    assert values("calls", either, [SUM], [SPOKEN], [SUM, SPOKEN]) == [1.0, 1.0, 0.0]


def test_steps_are_compared_as_deep_as_asked_for() -> None:
    plan = item(SUM, SPOKEN, others=(written([SPOKEN]),))
    deep: dict[str, list[ToolCall]] = {
        "values": [SUM, SPOKEN],
        "parameters": [call("add", a=7, b=8), call("text.say", text="x")],
        "names": [call("add"), call("text.say")],
    }
    right = {
        depth: values("plans", plan, *deep.values(), depth=depth)
        for depth in ("values", "parameters", "names")
    }
    assert right == {"values": [1, 0, 0], "parameters": [1, 1, 0], "names": [1, 1, 1]}
    assert values("plans", plan, [SPOKEN, SUM], [SUM], [SPOKEN], depth="names") == [0, 0, 0]
    assert values("plans", plan, [SPOKEN], alternatives=True) == [1.0]


def test_precision_and_recall_of_each_unit() -> None:
    wanted = item(SUM, SPOKEN, SUM)
    made = [call("add", a=1, b=9), SPOKEN, call("other", x=1)]
    found = {
        (unit, statistic): values("call-f1", wanted, made, unit=unit, statistic=statistic)[0]
        for unit in ("names", "parameters", "values", "edges")
        for statistic in ("precision", "recall")
    }
    assert found == {
        ("names", "precision"): 2 / 3, ("names", "recall"): 2 / 3,
        ("parameters", "precision"): 3 / 4, ("parameters", "recall"): 3 / 5,
        ("values", "precision"): 2 / 4, ("values", "recall"): 2 / 5,
        ("edges", "precision"): 1 / 2, ("edges", "recall"): 1 / 2,
    }  # fmt: skip
    assert values("call-f1", wanted, made, [SUM, SPOKEN, SUM], []) == [4 / 9, 1.0, 0.0]
    assert values("call-f1", item(), [], [SUM]) == [1.0, 0.0]
    may = {"calls": [{"name": "add", "arguments": {"a": [1], "unit": ["cm", ""]}}]}
    accepted = item(verifier=may)
    some = [call("add", a=1)], [call("add", a=1, unit="cm")], [call("add", a=1, unit="m")]
    assert values("call-f1", accepted, *some) == [1.0, 1.0, 2 / 3]
    assert values("call-f1", item(call("now")), [call("now")], [call("now", x=1)]) == [1.0, 0.0]


def case(name: str) -> Item:
    """The item of some vectors."""
    told = VECTORS["cases"][name]
    described = [VECTORS["tools"][tool] for tool in told["tools"]]
    tools = tuple(
        ToolSchema(name=tool["name"], parameters=schema_of(tool["parameters"]))
        for tool in described
    )
    accepted = [
        {"name": name, "arguments": arguments}
        for call in told["accepted"]
        for name, arguments in call.items()
    ]
    return item(tools=tools, verifier={"calls": accepted})


def judged() -> list[tuple[dict[str, Any], Score]]:
    scorer = made_scorer("calls")
    rows = VECTORS["answers"]
    pairs = [(case(row["case"]), Answer(text=json.dumps(row["answer"]))) for row in rows]
    return list(zip(rows, scorer.score(pairs), strict=True))


def test_calls_are_right_where_they_are_in_bfcl() -> None:
    found = judged()
    assert [row for row, score in found if score.correct is not row["here"]] == []
    unlike = [row for row, _ in found if (row["there"] is not row["here"]) != ("differs" in row)]
    assert unlike == []
    assert len(found) > 150 and sum(row["here"] for row, _ in found) > 35


def test_every_difference_is_on_the_page_and_every_one_there_is_shown() -> None:
    section = PAGE.partition("It is another on purpose")[2]
    named = set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE))
    assert named == {row["differs"] for row in VECTORS["answers"] if "differs" in row}


def test_the_scorers_of_calls_make_what_their_numbers_say() -> None:
    made = [[score.value, score.parsed] for _, score in judged()]
    assert_golden("scorer", "calls", {1: "bc3e4a65c2cb0e50"}, made)
    plan = item(SUM, SPOKEN)
    answers = [f"[{ONE}, {TWO}]", f"[{TWO}, {ONE}]", f"[{ONE}]", ONE, "[]", "", "none", "[{"]
    found = [[score.value, score.parsed] for score in scored("plans", plan, *answers)]
    assert_golden("scorer", "plans", {1: "c0dd373c4e0a0915"}, found)
    found = [[score.value, score.parsed] for score in scored("call-f1", plan, *answers)]
    assert_golden("scorer", "call-f1", {1: "4dc8a5ae74a946e9"}, found)
