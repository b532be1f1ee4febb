"""Skills by the size of the result."""

from collections.abc import Sequence

from dataenvgym_spec.gym import Discovered, Item


class Sizes:
    """`small` and `large` sums."""

    def __init__(self, *, large: int) -> None:
        self.large = large

    def discover(self, items: Sequence[Item]) -> Discovered:
        """Both, whichever of them the items are."""
        return Discovered(
            skills=("large", "small"),
            items={item.id: self._size(item) for item in items},
            descriptions={"large": f"from {self.large} on", "small": f"below {self.large}"},
        )

    def assign(self, item: Item, skills: Discovered) -> str:
        """By the size of its result."""
        return self._size(item)

    def _size(self, item: Item) -> str:
        return "large" if int(item.target) >= self.large else "small"
