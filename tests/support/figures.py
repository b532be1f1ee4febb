"""What `docs/paper-cell.md` says of the paper's figures, and where the page of a report has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

from tests.support.repositories import ROOT

HEAD = "| shown | in the section |"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A line of the table.

    Attributes:
        section: the heading that it is under.
        tables: what the tables with its numbers are called, at least in part; one of them is there.
        drawn: whether there is a picture.
    """

    section: str
    tables: tuple[str, ...]
    drawn: bool


def figures() -> list[Figure]:
    """All lines, in order."""
    text = (ROOT / "docs" / "paper-cell.md").read_text(encoding="utf-8")
    lines = text.partition(HEAD)[2].partition("\n\n")[0].splitlines()[2:]
    found = []
    for line in lines:
        _, section, numbers, drawn = (cell.strip() for cell in line.strip("|").split("|"))
        tables = tuple(re.findall("`([^`]*)`", numbers))
        found.append(Figure(section=section, tables=tables, drawn=bool(drawn)))
    return found


def section_of(page: str, heading: str) -> str | None:
    """What stands below a heading, up to the next of its level; None where there is none."""
    found = re.search(rf"<h([23])>{re.escape(heading)}</h\1>", page)
    if found is None:
        return None
    levels = "2" if found[1] == "2" else "23"
    return re.split(f"<h[{levels}]>", page[found.end() :], maxsplit=1)[0]


def tables_of(section: str, label: str) -> list[list[str]]:
    """The lines of the tables whose names hold some words."""
    found = []
    for name, rows in re.findall(
        r'aria-label="([^"]*)"><table.*?<tbody>(.*?)</table>', section, re.S
    ):
        # A name that begins alike, such as that of a table by iteration, is another one.
        if unescape(name) == label or label in unescape(name).partition(": ")[2]:
            found.append(re.findall(r"<tr.*?</tr>", rows, re.S))
    return found
