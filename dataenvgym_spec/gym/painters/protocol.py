"""What a painter is: it makes images of descriptions, for an engine that holds one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Painter(Protocol):
    """Makes images. An engine holds one in an option (`"x-slot": "painter"`)."""

    def paint(self, descriptions: Sequence[str], seed: int) -> list[bytes | None]:
        """The files of images, one a description, in their order; None of what cannot be painted.

        Args:
            descriptions: what each image shows, in words.
            seed: whoever draws, draws from it and from the description, so that the same is painted
                when a stage is run again.
        """
