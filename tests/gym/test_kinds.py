"""Kinds of tasks: what of a question counts, and the prompts that each has of its own."""

from dataenvgym_spec.language.components import definition
from dataenvgym_spec.records.items import item_id
from tests.support.golden import assert_golden

QUESTIONS = ("a  B", "A b", "if a:\n  b()", "if a:\nb()\r\n", "    if a:\n      b()\n")
"""Questions that differ in case, white space, indentation and how lines end."""


def identities(kind: str) -> list[str]:
    form = definition("task", kind).ignores
    return [item_id(question, form=form) for question in QUESTIONS]


def test_what_counts_in_each_kind() -> None:
    assert_golden("task", "math", {1: "8d36451ff35a8081"}, identities("math"))
    assert_golden("task", "code", {1: "69aa2a47782e59bc"}, identities("code"))
    words, lines = identities("math"), identities("code")
    assert words[0] == words[1] and len({*words[2:]}) == 1
    assert lines[0] != lines[1] and lines[2] == lines[4] != lines[3]
