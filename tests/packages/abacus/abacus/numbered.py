"""A proposer that numbers subskills."""

from collections.abc import Sequence

from dataenvgym_spec.gym import Tools, Wanted


class Numbered:
    """`PREFIX 1`, `PREFIX 2` and so on."""

    def __init__(self, *, prefix: str) -> None:
        self.prefix = prefix

    def propose(self, wanted: Sequence[Wanted], tools: Tools) -> dict[str, list[str]]:
        """The numbers that follow those of a skill."""
        proposed = {}
        for one in wanted:
            start = len(one.present) + 1
            proposed[one.skill] = [f"{self.prefix} {n}" for n in range(start, start + one.count)]
        return proposed
