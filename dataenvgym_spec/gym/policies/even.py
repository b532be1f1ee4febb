"""A policy for skill lists that looks at nothing: equal amounts."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.shares import equally
from dataenvgym_spec.gym.tools import Tools


class Even:
    """Shares the amount equally among all skills."""

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples; what is left over goes to the first by name.

        >>> state = SkillListState(skills=("a", "b", "c"))
        >>> Even().act(state, 10, Tools(seed=0)).allocation
        {'a': 4, 'b': 3, 'c': 3}
        """
        return equally(dict.fromkeys(state.skills, "equal amounts"), budget)
