"""A policy for skill trees that grows them to a size and then fills every subskill alike."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.policies.moves import exploring, to
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.skills import Move, SkillTree


class FillBalanced:
    """Explores while a skill has few subskills, then asks for what each still lacks."""

    def __init__(
        self,
        *,
        new_subskills: int,
        most_subskills: int,
        most_examples: int,
        most_at_once: int,
        each: int | None = None,
    ) -> None:
        self.new_subskills, self.each = new_subskills, each
        self.most_subskills = most_subskills
        self.most_examples, self.most_at_once = most_examples, most_at_once

    def act(self, state: SkillTreeState, budget: int, tools: Tools) -> SkillTreeAction:
        """A move for every skill, by how many subskills it has and how many examples those have."""
        moves: dict[str, Move] = {}
        reasons = {}
        for skill, tree in state.trees.items():
            lacking = self.most_subskills - len(tree.subskills)
            # Where fewer were proposed than were wanted there are no more to explore.
            if lacking > 0 and not tree.missing:
                count = min(self.new_subskills, lacking)
                moves[skill] = exploring(state, budget, count=count, each=self.each)
                reasons[skill] = f"{len(tree.subskills)} of {self.most_subskills} subskills"
            else:
                moves[skill] = to(tree, self._lacks(tree))
                reasons[skill] = f"up to {self.most_examples} examples a subskill"
        return SkillTreeAction(moves=moves, reasons=reasons)

    def _lacks(self, tree: SkillTree) -> dict[str, int]:
        """How many examples to ask for of each subskill."""
        lacks = {}
        for subskill in tree.subskills:
            missing = max(0, self.most_examples - subskill.examples)
            lacks[subskill.name] = min(missing, self.most_at_once)
        return lacks
