"""A policy for skill lists that teaches what is asked for most."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.shares import equally, unseen
from dataenvgym_spec.gym.tools import Tools


class Commonest:
    """Shares the amount equally among the `n` commonest skills; without scores, among all."""

    def __init__(self, *, n: int) -> None:
        self.n = n

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples among the commonest; of equally common ones the name decides.

        >>> from dataenvgym_spec.gym.environments.protocol import SkillScore
        >>> rare, common = SkillScore(accuracy=0.1, items=2), SkillScore(accuracy=0.9, items=10)
        >>> state = SkillListState(skills=("a", "b"), scores={"a": rare, "b": common})
        >>> Commonest(n=1).act(state, 9, Tools(seed=0)).allocation
        {'b': 9}
        """
        if not state.scores:
            return unseen(state, budget)
        items = dict.fromkeys(state.skills, 0)
        items.update({skill: score.items for skill, score in state.scores.items()})
        chosen = sorted(state.skills, key=lambda skill: (-items[skill], skill))[: self.n]
        reasons = {skill: f"among the commonest: {items[skill]} hidden items" for skill in chosen}
        return equally(reasons, budget)
