"""Is the question short enough?"""

from collections.abc import Sequence

from dataenvgym_spec.gym import Example, Sight


class Short:
    """Objects to long questions."""

    def __init__(self, *, characters: int) -> None:
        self.characters = characters

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        long = [len(example.input) > self.characters for example in examples]
        return [f"longer than {self.characters} characters" if over else None for over in long]
