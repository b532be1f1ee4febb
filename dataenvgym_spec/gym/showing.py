"""The errors of a student that a prompt shows: so many, of bounded length, in turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from dataenvgym_spec.records.plans import ShownError

LONGEST: Final = 2000
"""Characters of a text that a prompt shows."""
TURNS: Final = 6
"""Turns of a conversation, the last ones, that a prompt shows of an error."""


def in_turn(errors: Sequence[ShownError], count: int, turn: int) -> tuple[ShownError, ...]:
    """The errors that a call shows: each call goes on where the one before ended.

    Args:
        errors: of which some are shown.
        count: how many a call shows.
        turn: how many calls there were before.

    >>> errors = [ShownError(id=n, input="?", target="1", prediction="2") for n in "abc"]
    >>> [error.id for error in in_turn(errors, 2, 1)]
    ['c', 'a']
    """
    count = min(count, len(errors))
    places = [(turn * count + step) % len(errors) for step in range(count)]
    return tuple(cut(errors[place]) for place in places)


def cut(error: ShownError) -> ShownError:
    """An error whose texts are short enough for a prompt."""
    texts = {name: getattr(error, name)[:LONGEST] for name in ("input", "target", "prediction")}
    before = tuple(
        msgspec.structs.replace(turn, text=turn.text[:LONGEST]) for turn in error.before[-TURNS:]
    )
    tools = tuple(
        msgspec.structs.replace(tool, description=tool.description[:LONGEST])
        for tool in error.tools
    )
    return msgspec.structs.replace(error, **texts, before=before, tools=tools)
