"""A policy for skill lists that looks at nothing: a random allocation."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.sharing import share_out
from dataenvgym_spec.gym.tools import Tools


class Random:
    """Draws the shares of the skills from a symmetric Dirichlet distribution."""

    def __init__(self, *, concentration: float) -> None:
        self.concentration = concentration

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples as the seed draws.

        >>> state = SkillListState(skills=("a", "b", "c"))
        >>> sum(Random(concentration=1.0).act(state, 10, Tools(seed=0)).allocation.values())
        10
        """
        rng = tools.random()
        # Gamma variates over their sum are a draw from the Dirichlet distribution.
        weights = {skill: rng.gammavariate(self.concentration, 1.0) for skill in state.skills}
        if not sum(weights.values()):
            # All were too small for a float: the limit of a small concentration is one skill.
            weights[rng.choice(state.skills)] = 1.0
        reasons = dict.fromkeys(state.skills, "drawn at random")
        return Allocation(allocation=share_out(weights, budget), reasons=reasons)
