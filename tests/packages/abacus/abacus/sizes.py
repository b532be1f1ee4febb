"""Skills by the size of the result."""

from collections.abc import Sequence

from dataenvgym_spec.gym import Item


class Sizes:
    """`small` and `large` sums."""

    def __init__(self, *, large: int) -> None:
        self.large = large

    def assign(self, items: Sequence[Item]) -> dict[str, str]:
        """The skill of every item, by item id."""
        return {item.id: "large" if int(item.target) >= self.large else "small" for item in items}
