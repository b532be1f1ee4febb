"""Values on one line, for people: what differs is never shown alike."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final

from dataenvgym_spec.core.errors import visible
from dataenvgym_spec.core.hashing import text_digest
from dataenvgym_spec.core.text import shortened

NOTHING: Final[Any] = object()
"""What stands where there is no value."""
LEAD: Final = 3
"""A text that is cut on both sides has one part in this many before the place where it differs."""
DIGITS: Final = 8


def shown(value: Any) -> str:
    r"""A value of a spec on one line: a text as it is where all of it can be seen, or else JSON.

    >>> print(shown("a b"), shown("a\nb"), shown(1.0), shown({"a": None}))
    a b "a\nb" 1.0 {"a": null}
    """
    return value if isinstance(value, str) and value.isprintable() else _exact(value)


def _exact(value: Any) -> str:
    """A value as JSON, which tells texts from numbers and shows every space."""
    if value is NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False).replace("  ", r" \u0020")
    return visible(text, limit=len(text))


def shown_apart(values: Sequence[Any], limit: int) -> list[str]:
    """Values on a line each, cut to a length; two that differ are shown apart.

    >>> shown_apart([1, "1", NOTHING], 20)
    ['1', '"1"', 'nothing']
    """
    plain, exact = list(map(shown, values)), list(map(_exact, values))
    # Markdown shows one space for many, and nobody sees one at an end.
    alike = len({" ".join(text.split()) for text in plain}) < len(set(exact))
    return told_apart(exact if alike else plain, limit)


def told_apart(texts: Sequence[str], limit: int, mark: str = "...") -> list[str]:
    """Texts cut to a length, of which two that differ still differ.

    Those whose beginnings are alike are cut around the first place where they are not.

    >>> told_apart(["abcdefgh", "12345678"], 6)
    ['abc...', '123...']
    >>> told_apart(["a long text, then this", "a long text, then that"], 12)
    ['...then this', '...then that']
    """
    cuts = {text: shortened(text, limit, mark) for text in texts}
    for group in _alike(cuts):
        cuts |= _around(group, limit, mark)
    for group in _alike(cuts):
        # Three texts can differ at more places than fit into a line.
        cuts |= {text: _signed(text, limit, mark) for text in group}
    return [cuts[text] for text in texts]


def _alike(cuts: dict[str, str]) -> list[list[str]]:
    """The texts that differ, and whose cuts do not."""
    groups: dict[str, list[str]] = {}
    for text, cut in cuts.items():
        groups.setdefault(cut, []).append(text)
    return [group for group in groups.values() if len(group) > 1]


def _around(texts: list[str], limit: int, mark: str) -> dict[str, str]:
    """Texts from shortly before the first place where they differ, or from as early as fits."""
    room, longest = limit - len(mark), max(map(len, texts))
    lead = (room - len(mark)) // LEAD
    letters = zip(*texts, strict=False)
    same = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, letters))
    start = max(0, min(same - lead, longest - room))
    return {text: shortened(mark + text[start:], limit, mark) for text in texts}


def _signed(text: str, limit: int, mark: str) -> str:
    return text[: limit - len(mark) - DIGITS] + mark + text_digest(text)[:DIGITS]
