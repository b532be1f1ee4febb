"""Which of two lines is indented wrongly, where YAML sees at the second that they do not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

MOST_LINES: Final = 2000
"""Of a longer text the line is told that YAML tells: trying takes as long as reading it twice."""


def indent(line: str) -> int:
    """How many spaces a line begins with."""
    return len(line) - len(line.lstrip(" "))


def misplaced(lines: Sequence[str], found: int, readable: Callable[[str], bool]) -> int:
    """The line whose indentation is at fault: the one that was found, or one above it.

    It is one above if the text can be read with that moved, and not with the found one moved; if
    with either, it is the one that is indented as fewer lines are.

    Args:
        lines: of the text.
        found: the line, from 0, at which YAML gave up.
        readable: whether a text is YAML.
    """
    above = _above(lines, found)
    if above is None or len(lines) > MOST_LINES:
        return found
    here, there = indent(lines[found]), indent(lines[above])
    if not readable(_moved(lines, above, found, here - there)):
        return found
    usual = Counter(indent(line) for line in lines if _says(line))
    other = readable(_moved(lines, found, found + 1, there - here))
    return found if other and usual[here] <= usual[there] else above


def _above(lines: Sequence[str], found: int) -> int | None:
    """Where what stands above a line begins; None if it is indented alike or nothing is there."""
    here = indent(lines[found])
    before = [number for number in range(found) if _says(lines[number])]
    if not before or indent(lines[before[-1]]) == here:
        return None
    head = before[-1]
    for number in reversed(before):
        # A block that is indented more has lines of its own, back to what holds it.
        if indent(lines[number]) <= here:
            break
        head = number
    return head


def _moved(lines: Sequence[str], start: int, stop: int, by: int) -> str:
    """The text with some lines indented by so many spaces more, or less."""
    moved = []
    for number, line in enumerate(lines):
        inside = start <= number < stop and _says(line)
        moved.append(" " * (indent(line) + by) + line.lstrip(" ") if inside else line)
    return "\n".join(moved)


def _says(line: str) -> bool:
    return not line.lstrip(" ").startswith("#") and bool(line.strip())
