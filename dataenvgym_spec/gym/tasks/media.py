"""Images that items show: each is read once, and kept by its content.

What is no image is counted, and costs nothing but the item that would have shown it.
"""

from __future__ import annotations

import warnings
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.records.media import ENDINGS, Media, Picture

BAD: Final = "images that cannot be read"
"""What `Images.bad` counts."""


class BadImageError(ValueError):
    """What is no image, or none that can be shown; says why."""


class Images:
    """The images of a source or of an engine.

    A source gives it as `images`, so that the files of the items that are drawn can be written; an
    engine is handed one as `tools.images`.

    Attributes:
        bad: how many were no images, for the log.
    """

    def __init__(self) -> None:
        self.bad: Counter[str] = Counter()
        self._held: dict[str, bytes | Path] = {}

    def add(self, image: bytes | Path) -> Picture | None:
        """Takes an image, or a file with one; None of what is none, which is counted.

        The bytes are kept as they are. Of a file only its path is.
        """
        try:
            content = image if isinstance(image, bytes) else image.read_bytes()
            picture = picture_of(content)
        except (BadImageError, OSError):
            self.bad[BAD] += 1
            return None
        self._held.setdefault(picture.digest, image)
        return picture

    def content(self, picture: Picture) -> bytes | None:
        """The bytes of an image; None if it was never taken.

        Raises:
            StageError: its file is gone, or holds something else by now.
        """
        held = self._held.get(picture.digest)
        if held is None or isinstance(held, bytes):
            return held
        try:
            content = held.read_bytes()
        except OSError as error:
            message = f"the image '{held.name}' cannot be read any more: {error.strerror}"
            raise StageError(
                message, help="run it again when the files stay as they are"
            ) from error
        if bytes_digest(content) != picture.digest:
            message = f"the image '{held.name}' was changed while it was read"
            raise StageError(message, help="run it again when the files stay as they are")
        return content


def picture_of(content: bytes) -> Picture:
    """What an item says of an image, which is decoded once, so that it can be shown later.

    Raises:
        BadImageError: it is none, is damaged, or is too large to be decoded.
    """
    from PIL import Image

    with warnings.catch_warnings():
        # An image of very many pixels is an attack or a mistake.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(BytesIO(content), formats=FORMATS) as image:
                media = _MEDIA[image.format or ""]
                width, height = image.size
                image.load()
        except Exception as error:  # decoders raise whatever damaged bytes lead them to
            raise BadImageError(str(error)) from error
    digest = bytes_digest(content)
    return Picture(digest=digest, media=media, width=width, height=height)


FORMATS: Final = tuple(media.partition("/")[2].upper() for media in ENDINGS)
"""The formats that are read, as Pillow calls them: those that pages and models show."""
# A camera's JPEG with a second image behind the first is one for all that show it.
_MEDIA: Final[dict[str, Media]] = {**dict(zip(FORMATS, ENDINGS, strict=True)), "MPO": "image/jpeg"}
