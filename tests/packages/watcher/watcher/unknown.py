"""Does the student answer the example right? A check that wants it so."""

from collections.abc import Sequence

from dataenvgym_spec.gym import Example, Sight


class Unknown:
    """Objects to what the student cannot answer yet."""

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        right = [sight.answered(example) for example in examples]
        return [None if answered else "the student cannot answer it yet" for answered in right]
