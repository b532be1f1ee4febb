"""Paints sums."""

from collections.abc import Sequence

from abacus.beads import drawn


class Brush:
    """Two rows of beads in a shade of grey."""

    def __init__(self, *, ink: int) -> None:
        self.ink = ink

    def paint(self, descriptions: Sequence[str], seed: int) -> list[bytes | None]:
        """A PNG file for each sum."""
        sums = [map(int, text.split("+")) for text in descriptions]
        return [drawn(one, other, self.ink) for one, other in sums]
