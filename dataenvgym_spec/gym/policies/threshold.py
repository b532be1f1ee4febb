"""A policy for skill trees: goes on with what helped, and elsewhere looks for other subskills."""

from __future__ import annotations

import random

from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.policies.moves import exploring, raised
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.skills import Explore, Move, SkillTree


class Threshold:
    """Exploits a skill whose last reward is above a threshold, and explores any other."""

    def __init__(
        self, *, least_reward: float, increase: int, new_subskills: int, each: int | None = None
    ) -> None:
        self.least_reward, self.increase = least_reward, increase
        self.new_subskills, self.each = new_subskills, each

    def act(self, state: SkillTreeState, budget: int, tools: Tools) -> SkillTreeAction:
        """A move for every skill, by its reward.

        Where no scores are observed there is no reward, and the seed draws which skills explore:
        the trees grow by a schedule that nothing about the student has a part in.
        """
        explore = exploring(state, budget, count=self.new_subskills, each=self.each)
        rng = tools.random()
        moves: dict[str, Move] = {}
        reasons = {}
        for skill, tree in state.trees.items():
            known = state.scored
            moves[skill], reasons[skill] = self._move(tree, explore, None if known else rng)
        return SkillTreeAction(moves=moves, reasons=reasons)

    def _move(
        self, tree: SkillTree, explore: Explore, rng: random.Random | None
    ) -> tuple[Move, str]:
        more = raised(tree, self.increase)
        if rng is not None:
            heads = rng.random() < 0.5
            return (more if heads and tree.subskills else explore), "no reward observed: drawn"
        if tree.reward is None:
            return explore, "its reward is undefined"
        if tree.reward > self.least_reward:
            return more, f"its reward {tree.reward:+.4f} is above {self.least_reward}"
        return explore, f"its reward {tree.reward:+.4f} is not above {self.least_reward}"
