"""What a prompt shows a teacher: errors of a student, in turn and of bounded length, and images."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Final

import msgspec

from dataenvgym_spec.gym.prompt import Image
from dataenvgym_spec.records.plans import ShownError

LONGEST: Final = 2000
"""Characters of a text that a prompt shows."""
SENT: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""What services take; an image of another format is sent as PNG."""
TURNS: Final = 6
"""Turns of a conversation, the last ones, that a prompt shows of an error."""


def in_turn(errors: Sequence[ShownError], count: int, turn: int) -> tuple[ShownError, ...]:
    """The errors that a call shows: each call goes on where the one before ended.

    Args:
        errors: of which some are shown.
        count: how many a call shows.
        turn: how many calls there were before.

    Examples:
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


def image_of(path: Path, media: str) -> Image:
    """A file as an image that is shown to a teacher.

    Args:
        path: of the file.
        media: its media type.
    """
    content = path.read_bytes()
    if media in SENT:
        return Image(media=media, data=b64encode(content).decode("ascii"))
    from PIL import Image as Pillow

    file = BytesIO()
    with Pillow.open(BytesIO(content)) as opened:
        opened.save(file, "PNG")
    return Image(media="image/png", data=b64encode(file.getvalue()).decode("ascii"))
