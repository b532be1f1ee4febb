"""Images by content: what an item says of one, and where its file lies in a port."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from dataenvgym_spec.records.record import Record

FOLDER: Final = "media"
"""The folder of a port that holds the files of its items' images, each once."""
Media = Literal["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"]
"""The media types that pages and models show: each is pixels, none can hold a program."""
ENDINGS: Final[dict[Media, str]] = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/bmp": "bmp",
}
"""The ending of a file's name, by media type."""


class Picture(Record, frozen=True, kw_only=True):
    """An image, by the content of its file.

    Attributes:
        digest: SHA-256 of the file's bytes, in hex.
        media: its media type.
        width: in pixels.
        height: in pixels.
    """

    # Results may be a stranger's, and a path is made of it; "$" alone would take a line break too.
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    media: Media
    width: int
    height: int

    @property
    def file(self) -> str:
        """The path of its file, relative to the port of its item."""
        return file_name(self.digest, ENDINGS[self.media])


def file_name(digest: str, ending: str = "*") -> str:
    """The path of an image's file, relative to a port; without the ending, a pattern for it."""
    return f"{FOLDER}/{digest[:32]}.{ending}"
