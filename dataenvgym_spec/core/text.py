"""Texts for one line, and numbers in words."""

from __future__ import annotations

import json


def shortened(text: str, limit: int, mark: str = "...") -> str:
    """A text, cut to a length.

    >>> shortened("abcdefgh", 6)
    'abc...'
    """
    return text if len(text) <= limit else text[: limit - len(mark)] + mark


def printable_json(text: str) -> str:
    r"""JSON of the same meaning, which a terminal shows and does not obey.

    Letters of every script stay; what cannot be seen, or turns text around, is escaped.

    >>> print(printable_json('{"é": "a\u202eb\x9b"}'))
    {"é": "a\u202eb\u009b"}
    """
    if text.replace("\n", "").isprintable():
        return text
    return "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    # Line breaks stand between values alone: in a text JSON escapes them.
    if letter.isprintable() or letter == "\n":
        return letter
    return json.dumps(letter)[1:-1]


def size_text(size: float) -> str:
    """A number of bytes in the unit that fits.

    >>> size_text(2_340_000), size_text(12)
    ('2.3 MB', '12 B')
    """
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def duration_text(seconds: float) -> str:
    """Seconds, as precisely as somebody who waits wants to know.

    >>> duration_text(42.3), duration_text(600), duration_text(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def clock(seconds: float) -> str:
    """A time that runs.

    >>> clock(7.4), clock(75), clock(3675)
    ('0:07', '1:15', '1:01:15')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
