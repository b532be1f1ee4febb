"""Texts of examples, questions to teachers and their replies, for people."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent
from typing import Final

from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.records.responses import LoggedResponse

LONGEST: Final = 4000
"""Characters of a text that are shown; JSON has all."""


def response_lines(response: LoggedResponse) -> Iterator[str]:
    """A question to a teacher with its reply."""
    yield f"asked {visible(response.teacher)}: {visible(response.ask)}"
    for message in response.messages:
        yield from text_lines(str(message["role"]), str(message["content"]))
    yield from text_lines("reply", str(response.reply.get("text", "")))
    if response.fault is not None:
        yield f"   fault   {visible(response.fault)}"


def text_lines(name: str, text: str) -> Iterator[str]:
    """A text behind its name, its further lines below its first."""
    cut = f"{text[:LONGEST]} ..." if len(text) > LONGEST else text
    # What a model wrote shall not talk to the terminal.
    lines = "\n".join(visible(line, limit=LONGEST) for line in cut.split("\n"))
    yield f"   {name:7} {indent(lines, ' ' * 11).strip()}"
