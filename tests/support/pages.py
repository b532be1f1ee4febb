"""Pages of documentation as tests read them: their blocks, and what a shown text stands for."""

from __future__ import annotations

import re
from pathlib import Path

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NAMED = {
    "yaml": re.compile(r"# ([\w./-]+\.yaml)(, continued)?\n"),
    "jinja": re.compile(r"\{# ([\w./-]+)(, continued)? #\}\n"),
}
VARY = "<!-- the numbers vary -->\n"
"""Stands above a block of text in which any number stands for any other."""


def blocks(path: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    return BLOCK.findall(path.read_text(encoding="utf-8"))


def pattern(text: str, *, vary: bool) -> str:
    """A shown text as a pattern: a line `...` stands for any number of lines; where numbers vary, each stands for any, with any unit of time."""

    def escaped(line: str) -> str:
        if not vary:
            return re.escape(line) + r"[ ]*\n"
        # Columns of numbers are flush right.
        parts = re.split(r"\d[\d,.]*(?: (?:s|min|h)\b)?", line.lstrip())
        return "[ ]*" + r"\d[\d,.]*(?: (?:s|min|h))?".join(map(re.escape, parts)) + r"[ ]*\n"

    return (
        "".join("(?s:.*)" if line.strip() == "..." else escaped(line) for line in text.splitlines())
        + r"\s*"
    )
