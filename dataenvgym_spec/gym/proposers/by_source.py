"""A proposer that asks the task: a source's harder and easier variants of a skill."""

from __future__ import annotations

from collections.abc import Sequence

from dataenvgym_spec.gym.proposers.listed import fresh
from dataenvgym_spec.gym.proposers.protocol import Wanted
from dataenvgym_spec.gym.tasks.protocol import SourceWithVariants
from dataenvgym_spec.gym.tools import Tools


class BySource:
    """Hands out the variants of a skill: first the skill as it is, then what is nearest to it."""

    def __init__(self, *, source: SourceWithVariants) -> None:
        self.source = source

    def propose(self, wanted: Sequence[Wanted], tools: Tools) -> dict[str, list[str]]:
        """The next variants of each skill; fewer where the source has no more."""
        proposed = {}
        for skill in wanted:
            proposed[skill.skill] = fresh(self.source.variants(skill.skill), skill)
        return proposed
