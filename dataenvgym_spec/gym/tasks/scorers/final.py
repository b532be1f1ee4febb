r"""Which part of a text is its final answer, by one rule for targets and answers alike.

What an answer means is not decided here (see `values` and `equality`), and no library reads a text
before this rule has. The rule, in this order:

1. A box (`\boxed{...}`, `\fbox{...}`) and a line behind `####` are marks. The last mark counts,
   whatever stands before and behind it.
2. Boxes that only `and`, `or` or a comma stands between are one answer with several values.
3. A last mark that is cut off at the end has no answer; `unclosed: earlier` takes the one before.
4. A text without a mark says it behind `the answer is`, or else by its last formula or number, if
   it is a sentence; otherwise it is the answer as a whole. `unmarked: unreadable` reads neither.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final as Constant
from typing import Literal

from dataenvgym_spec.gym.tasks.scorers.values import NUMBER, prose

MarkKind = Literal["box", "hashes"]
Unclosed = Literal["unreadable", "earlier"]
Unmarked = Literal["last", "unreadable"]

MARK: Constant = "####"
_BOX: Constant = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*")
_TOKEN: Constant = re.compile(r"\\[A-Za-z]+|[^\s${}\\]+")
_BRACE: Constant = re.compile(r"\\.|[{}]", re.DOTALL)
_HASHES: Constant = re.compile(r"(?<!#)####(?!#)[ \t]*(.*)")
_FORMULA: Constant = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL
)
_SAID: Constant = re.compile(
    r"\banswers?\b\s*(?:is|are|=|:|\bwould be\b)+[\s:*]*"
    r"(?:therefore|simply|just|about|approximately|equal to|either)?[\s:*]*",
    re.IGNORECASE,
)
_JOIN: Constant = re.compile(
    r"(?:[\s$,;&*~]|\\[()\[\]\\,;! ]|\\q?quad"
    r"|\\(?:text|mbox|textrm|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}"
    r"|\b(?:and|or|and/or|maybe|perhaps|possibly|either|alternatively|else)\b)*"
    r"(?:[A-Za-z](?:_\{?\w+\}?)?\s*=\s*)?[\s$]*"
)
_FARTHEST: Constant = 80
"""Values that more characters stand between are no list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which text counts as the final answer; see the module.

    Attributes:
        marks: what marks an answer.
        unclosed: what a last mark means that is cut off.
        unmarked: what a text says that marks no answer.
    """

    marks: tuple[MarkKind, ...] = ("box", "hashes")
    unclosed: Unclosed = "unreadable"
    unmarked: Unmarked = "last"


STANDARD: Constant = Rule()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A part of a text: where it begins and ends, and what it holds; None if it is cut off."""

    start: int
    end: int
    held: str | None
    box: bool = False


def final(text: str, rule: Rule = STANDARD, *, truncated: bool = False) -> tuple[str, ...]:
    r"""What a text gives as its final answer: most often one text, several of adjoining boxes.

    Args:
        text: an answer or a target.
        rule: which text counts.
        truncated: whether the text was cut at the longest length allowed.

    Returns:
        Nothing where the rule finds no answer.

    >>> final(r"so $\boxed{4}$. Wait, $\boxed{\frac{1}{2}}$ of them")
    ('\\frac{1}{2}',)
    >>> final(r"$\boxed{4}$ or $\boxed{5}$")
    ('4', '5')
    >>> final(r"so \boxed{4}, or rather \boxed{5")
    ()
    >>> final("6 * 3 = 18\n#### 18 ")
    ('18',)
    >>> final("The answer is 4, which is 1 more than 3.")
    ('4',)
    """
    places = _marked(text, rule.marks, truncated)
    if places:
        return _last(text, places, rule.unclosed)
    if rule.unmarked == "unreadable":
        return ()
    if not prose(text):
        return (text.strip(),)
    return () if truncated else _unmarked(text)


def _marked(text: str, marks: Sequence[MarkKind], truncated: bool) -> list[_Place]:
    """All marks of a text, in their order."""
    places = _boxes(text, truncated) if "box" in marks else []
    if "hashes" in marks:
        places += _hashes(text, truncated)
    return sorted(places, key=lambda place: place.start)


def _last(text: str, places: list[_Place], unclosed: Unclosed) -> tuple[str, ...]:
    """What the last mark holds, and the boxes that it is joined to."""
    if places[-1].held is None and unclosed == "unreadable":
        return ()
    whole = [place for place in places if place.held is not None]
    return _run(text, whole) if whole else ()


def _run(text: str, places: list[_Place]) -> tuple[str, ...]:
    """What the last places hold that belong together."""
    first = len(places) - 1
    while first > 0 and places[first].box and places[first - 1].box:
        if not _joined(text[places[first - 1].end : places[first].start]):
            break
        first -= 1
    return tuple(place.held for place in places[first:] if place.held is not None)


def _joined(between: str) -> bool:
    r"""Whether what stands between two values makes them one answer.

    >>> _joined("$ or $"), _joined(", "), _joined(". Wait, "), _joined(" \n")
    (True, True, False, False)
    """
    if len(between) > _FARTHEST or not _JOIN.fullmatch(between):
        return False
    return "\n" not in between or bool(between.strip("$ \n"))


def _boxes(text: str, truncated: bool) -> list[_Place]:
    """The boxes of a text, the outer ones of those that hold others."""
    places: list[_Place] = []
    braces = _braces(text)
    found = _BOX.search(text)
    while found:
        place = _box(text, found, braces, truncated)
        places.append(place)
        # What is in a box that nothing closes may be a whole one.
        found = _BOX.search(text, found.end() if place.held is None else place.end)
    return places


def _box(text: str, found: re.Match[str], braces: dict[int, int], truncated: bool) -> _Place:
    begun, start = found.start(), found.end()
    if text[start : start + 1] == "{":
        end = braces.get(start)
        if end is None:
            return _Place(start=begun, end=len(text), held=None, box=True)
        return _Place(start=begun, end=end + 1, held=text[start + 1 : end].strip(), box=True)
    token = _TOKEN.match(text, start)  # `\boxed 5`
    if token is None or (truncated and token.end() == len(text)):
        return _Place(start=begun, end=start, held=None, box=True)
    return _Place(start=begun, end=token.end(), held=token[0].rstrip(".,;"), box=True)


def _braces(text: str) -> dict[int, int]:
    """Where the braces of a text close that open at some place."""
    pairs: dict[int, int] = {}
    opened: list[int] = []
    for found in _BRACE.finditer(text):
        if found[0] == "{":
            opened.append(found.start())
        elif found[0] == "}" and opened:
            pairs[opened.pop()] = found.start()
    return pairs


def _hashes(text: str, truncated: bool) -> list[_Place]:
    """What stands behind `####`, to the end of its line. One that the text ends in may be cut."""
    places = []
    for found in _HASHES.finditer(text):
        held: str | None = found[1].strip()
        at_end = found.end() == len(text)
        if not held and not at_end:
            continue
        if not held or (truncated and at_end):
            held = None
        places.append(_Place(start=found.start(), end=found.end(), held=held))
    return places


def _unmarked(text: str) -> tuple[str, ...]:
    """What a sentence gives as its answer; the whole of one without a formula or number."""
    said = list(_SAID.finditer(text))
    if said:
        places = _readable(text, said[-1].end())
        if places and places[0].start == said[-1].end():
            return _from_first(text, places)
    places = _readable(text, 0)
    return _run(text, places) if places else (text.strip(),)


def first(text: str) -> tuple[str, ...]:
    r"""What a text says that begins with its answer: all of it if it is an expression.

    >>> first("$4$ or $5$ apples, of 7"), first("2k + 2"), first("even")
    (('4', '5'), ('2k + 2',), ('even',))
    """
    places = _readable(text, 0) if prose(text) else []
    return _from_first(text, places) if places else (text.strip(),)


def _from_first(text: str, places: list[_Place]) -> tuple[str, ...]:
    """The first of some values, and those that are joined to it."""
    last = 0
    while last + 1 < len(places) and _joined(text[places[last].end : places[last + 1].start]):
        last += 1
    return tuple(place.held for place in places[: last + 1] if place.held is not None)


def _readable(text: str, start: int) -> list[_Place]:
    """The formulas of a text, and the numbers that stand in none, in their order."""
    places: list[_Place] = []
    for found in _FORMULA.finditer(text, start):
        held = next(group for group in found.groups() if group is not None)
        places.append(_Place(start=found.start(), end=found.end(), held=held.strip(), box=True))
    inside = [range(place.start, place.end) for place in places]
    for found in NUMBER.finditer(text, start):
        if not any(found.start() in span for span in inside):
            places.append(_Place(start=found.start(), end=found.end(), held=found[0], box=True))
    return sorted(places, key=lambda place: place.start)
