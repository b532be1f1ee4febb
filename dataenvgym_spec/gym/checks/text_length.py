"""Is the example neither too short nor too long?"""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example


class TextLength:
    """Objects to an example whose question or answer has too few or too many characters.

    White space at its ends does not count.
    """

    def __init__(self, *, min_input: int, max_input: int, min_target: int, max_target: int) -> None:
        self.bounds = {"question": (min_input, max_input), "answer": (min_target, max_target)}

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        return [self._objection(example) for example in examples]

    def _objection(self, example: Example) -> str | None:
        texts = {"question": example.input, "answer": example.target}
        for name, text in texts.items():
            least, most = self.bounds[name]
            length = len(text.strip())
            if length < least:
                return f"the {name} has {length} characters, and at least {least} are asked for"
            if length > most:
                return f"the {name} has {length} characters, and at most {most} are allowed"
        return None
