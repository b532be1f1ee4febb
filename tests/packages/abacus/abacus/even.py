"""Is the sum even?"""

from collections.abc import Sequence

from dataenvgym_spec.gym import Example, Sight


class Even:
    """Objects to odd sums."""

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        odd = [int(example.target) % 2 for example in examples]
        return ["the sum is odd" if is_odd else None for is_odd in odd]
