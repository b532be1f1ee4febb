"""Which part of an answer is its program."""

import pytest

from dataenvgym_spec.gym.tasks.scorers.program_text import blocks, completed, defines, program_of

TWO = "First:\n```python\nx = 1\ny = 2\n```\nor\n~~~\nx = 3\n~~~\nso."


@pytest.mark.parametrize(
    ("text", "options", "program"),
    [
        (TWO, {}, "x = 3\n"),
        (TWO, {"block": "first"}, "x = 1\ny = 2\n"),
        (TWO, {"block": "longest"}, "x = 1\ny = 2\n"),
        ("x = 1", {}, "x = 1"),
        ("x = 1", {"bare": False}, None),
        (" \n", {}, None),
        # One that is cut off is none, and no other one counts in its place.
        (TWO + "\n```\nx = 4", {}, "x = 4\n"),
        (TWO + "\n```\nx = 4", {"truncated": True}, None),
        (TWO + "\n```\nx = 4\n```\nbecause", {"truncated": True}, "x = 4\n"),
        ("x = 1", {"truncated": True}, "x = 1"),
        # Backticks inside of a longer fence, of another kind, or in a line are text.
        ("````\n```\nx = 1\n```\n````", {}, "```\nx = 1\n```\n"),
        ("~~~\n```\n~~~", {}, "```\n"),
        ("Use ```x = 1``` here", {}, "Use ```x = 1``` here"),
        ("```\nx = '```'\n```", {}, "x = '```'\n"),
        ("  ``` py title=a\nx = 1\n  ```", {}, "x = 1\n"),
        ("```\r\nx = 1\r\n```\r\n", {}, "x = 1\n"),
        ("```\n```", {}, ""),
    ],
)
def test_the_program_of_an_answer(text: str, options: dict[str, object], program: str) -> None:
    whole = {"truncated": False, "block": "last", "bare": True, **options}
    assert program_of(text, **whole) == program  # type: ignore[arg-type]


def test_a_block_that_is_not_closed_is_known_as_such() -> None:
    assert [block.closed for block in blocks(TWO + "\n```\n")] == [True, True, False]


@pytest.mark.parametrize(
    ("program", "whole"),
    [
        ("    return n\n\nprint(f(1))", "def f(n):\n    return n\n\n"),
        ("    if n:\n        return 1\n    return 2", "def f(n):\n    if n:\n        return 1\n    return 2\n"),
        ("def f(n):\n    return 1", "def f(n):\n    return 1"),
        ("class Solution:\n    def f(self, n): return 1", "class Solution:\n    def f(self, n): return 1"),
        ("f = abs", "f = abs"),
        ("f: object = abs", "f: object = abs"),
        ("def f(n):\n  return ((", "def f(n):\n  return (("),
    ],
)  # fmt: skip
def test_what_defines_nothing_goes_on_where_the_question_ends(program: str, whole: str) -> None:
    assert completed(program, starter="def f(n):\n", entry="f") == whole
    assert completed(program, starter="", entry="f") == program


def test_a_name_inside_of_another_function_is_not_defined() -> None:
    assert not defines("def g():\n    def f(): pass", "f")
