"""Paints descriptions of coloured shapes: what it paints is what is said, by construction."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.tasks.scenes import paint, read


class Shapes:
    """Paints a scene where a description is one."""

    def __init__(self, *, pixels: int) -> None:
        self.pixels = pixels

    def paint(self, descriptions: Sequence[str], seed: int) -> list[bytes | None]:
        """Images, each a function of its description alone."""
        scenes = map(read, descriptions)
        return [None if scene is None else paint(scene, self.pixels) for scene in scenes]
