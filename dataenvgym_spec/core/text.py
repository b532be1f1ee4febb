"""Texts for one line."""

from __future__ import annotations


def shortened(text: str, limit: int) -> str:
    """A text, cut to a length.

    >>> shortened("abcdefgh", 6)
    'abc...'
    """
    if len(text) <= limit:
        return text
    return f"{text[: limit - 3]}..."
