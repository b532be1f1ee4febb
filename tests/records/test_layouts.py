"""Rows of data sets for instruction tuning: what is asked, what is taught, what was said before."""

from typing import Any

import pytest

from dataenvgym_spec.records.layouts import laid_out
from dataenvgym_spec.records.tables import RowFault


def said(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in turns]


def told(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"from": role, "value": text} for role, text in turns]


BEFORE = said(("system", "Be brief."), ("user", "1 + 1?"), ("assistant", "2"))
WHOLE = {"input": "2 + 2?", "target": "4", "before": BEFORE}


@pytest.mark.parametrize(
    ("layout", "row", "whole"),
    [
        (
            "alpaca",
            {"instruction": "Add.", "input": "2 + 2", "output": "4", "system": "", "history": []},
            {"input": "Add.\n2 + 2", "target": "4"},
        ),
        ("alpaca", {"instruction": "2 + 2?", "output": 4}, {"input": "2 + 2?", "target": "4"}),
        (
            "alpaca",
            {
                "instruction": "2 + 2?",
                "input": None,
                "output": "4",
                "system": "Be brief.",
                "history": [["1 + 1?", "2"]],
            },
            WHOLE,
        ),
        (
            "sharegpt",
            {
                "system": "Be brief.",
                "conversations": told(
                    ("human", "1 + 1?"), ("gpt", "2"), ("human", "2 + 2?"), ("gpt", "4")
                ),
            },
            WHOLE,
        ),
        (
            "messages",
            {"messages": [*BEFORE, *said(("user", "2 + 2?"), ("assistant", "4"))]},
            WHOLE,
        ),
        (
            "messages",
            {
                "topic": "sums",
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "2 + 2?"}]},
                    {"role": "assistant", "content": "4"},
                ],
            },
            {"topic": "sums", "input": "2 + 2?", "target": "4"},
        ),
    ],
)
def test_the_last_question_is_asked_and_the_answer_to_it_taught(
    layout: str, row: dict[str, Any], whole: dict[str, Any]
) -> None:
    assert laid_out(layout, 1, row) == whole


@pytest.mark.parametrize(
    ("layout", "row", "reason"),
    [
        ("alpaca", {"instruction": "a"}, "has no column 'output'"),
        ("alpaca", {"instruction": " ", "output": "b"}, "no text in 'instruction'"),
        ("alpaca", {"instruction": "a", "output": None}, "has null"),
        ("alpaca", {"instruction": "a", "output": "b", "history": ["x"]}, "no list of pairs"),
        ("sharegpt", {"conversations": "a"}, "no list of turns"),
        ("sharegpt", {"conversations": told(("gpt", "a"))}, "turns of assistant last"),
        ("sharegpt", {"conversations": []}, "turns of nobody last"),
        (
            "sharegpt",
            {"conversations": told(("human", "a"), ("gpt", "b"), ("human", "c"))},
            "turns of assistant and user last",
        ),
        ("sharegpt", {"conversations": told(("human", "a"), ("bing", "b"))}, "a turn of 'bing'"),
        (
            "sharegpt",
            {"tools": "[...]", "conversations": told(("human", "a"), ("gpt", "b"))},
            "tools, which",
        ),
        ("messages", {"messages": [{"role": "user"}]}, "a turn without"),
        ("messages", {"messages": [3]}, "a turn that is no object"),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
            "a part that is no text",
        ),
        (
            "messages",
            {"messages": [{"role": "assistant", "content": None, "tool_calls": [1]}]},
            "calls tools",
        ),
        (
            "messages",
            {"target": "x", "messages": said(("user", "a"), ("assistant", "b"))},
            "a column 'target' beside",
        ),
    ],
)
def test_a_row_that_does_not_fit_its_layout_says_why(
    layout: str, row: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RowFault) as caught:
        laid_out(layout, 7, row)
    assert reason in caught.value.reason
    assert caught.value.text("chats.jsonl").startswith("chats.jsonl: line 7 has ")
