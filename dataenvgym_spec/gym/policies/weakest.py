"""A policy for skill lists that teaches the weakest skills only."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.shares import accuracy, equally, measured, unseen
from dataenvgym_spec.gym.tools import Tools


class Weakest:
    """Shares the amount equally among the `n` weakest skills; without scores, among all."""

    def __init__(self, *, n: int) -> None:
        self.n = n

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples among the weakest; of equally weak skills the name decides.

        >>> from dataenvgym_spec.gym.environments.protocol import SkillScore
        >>> weak, good = SkillScore(accuracy=0.1, items=10), SkillScore(accuracy=0.9, items=10)
        >>> state = SkillListState(skills=("a", "b", "c"), scores={"a": good, "b": weak, "c": weak})
        >>> Weakest(n=2).act(state, 9, Tools(seed=0)).allocation
        {'b': 5, 'c': 4}
        """
        scores = state.scores
        if not scores:
            return unseen(state, budget)
        ranked = sorted(state.skills, key=lambda skill: (accuracy(scores, skill), skill))
        chosen = ranked[: self.n]
        reasons = {skill: f"among the weakest: {measured(scores, skill)}" for skill in chosen}
        return equally(reasons, budget)
