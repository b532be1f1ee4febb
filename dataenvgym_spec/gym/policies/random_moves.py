"""A policy for skill trees that looks at nothing: random moves."""

from __future__ import annotations

import random

from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.policies.moves import to
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.skills import Exploit, Explore, Move, SkillTree


class RandomMoves:
    """A coin decides for each skill: new subskills, or other ones at other amounts."""

    def __init__(
        self, *, most_new: int, most_each: int, most_active: int, most_allocation: int
    ) -> None:
        self.most_new, self.most_each = most_new, most_each
        self.most_active, self.most_allocation = most_active, most_allocation

    def act(self, state: SkillTreeState, budget: int, tools: Tools) -> SkillTreeAction:
        """A move for every skill, as the seed draws."""
        rng = tools.random()
        moves: dict[str, Move] = {}
        for skill, tree in state.trees.items():
            if not tree.subskills or rng.random() < 0.5:
                count = rng.randint(1, self.most_new)
                each = rng.randint(1, self.most_each)
                moves[skill] = Explore(count=count, allocation=each)
            else:
                moves[skill] = self._exploit(tree, rng)
        return SkillTreeAction(moves=moves, reasons=dict.fromkeys(moves, "drawn"))

    def _exploit(self, tree: SkillTree, rng: random.Random) -> Exploit:
        """Some subskills, those that have an allocation rather than others, at drawn amounts."""
        active = [subskill.name for subskill in tree.subskills if subskill.allocation]
        idle = [name for name in tree.names if name not in active]
        rng.shuffle(active)
        rng.shuffle(idle)
        kept = (active + idle)[: self.most_active]
        return to(tree, {name: rng.randint(0, self.most_allocation) for name in kept})
