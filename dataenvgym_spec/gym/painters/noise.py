"""Paints noise, whatever is described: a control that shows what the texts alone teach."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from random import Random

from dataenvgym_spec.core.hashing import seed_from


class Noise:
    """Paints pixels that are drawn evenly."""

    def __init__(self, *, pixels: int) -> None:
        self.pixels = pixels

    def paint(self, descriptions: Sequence[str], seed: int) -> list[bytes | None]:
        """Images that differ wherever descriptions do."""
        return [self._one(Random(seed_from("noise", seed, text))) for text in descriptions]

    def _one(self, rng: Random) -> bytes:
        from PIL import Image

        size = (self.pixels, self.pixels)
        file = BytesIO()
        Image.frombytes("RGB", size, rng.randbytes(3 * self.pixels**2)).save(file, "BMP")
        return file.getvalue()
