"""An image as a hash of how it looks: alike images have alike hashes, and none shows its image."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Final

from dataenvgym_spec.core.errors import MissingExtra

BITS: Final = 64
"""Of a hash."""


def image_hash(content: bytes) -> str:
    """The perceptual hash of an image, in hex (pHash: Zauner 2010, section 3.2.1).

    It is of the image's coarse light and dark: neither its size, its format nor a little noise
    changes many of its bits, and its colours none.

    Args:
        content: of the image's file.

    Raises:
        MissingExtra: imagehash is not installed.
    """
    try:
        from imagehash import phash
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "imagehash", "near", "the hash of an image") from error
    from PIL import Image

    with warnings.catch_warnings():
        # What is in a port was decoded before, whatever its size.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(BytesIO(content)) as image:
            return str(phash(image.convert("RGB")))
