"""Teaches the weakest skills only."""

from dataenvgym_spec.gym import Allocation, SkillListState, Tools


class Greedy:
    """Shares the amount among the `top` weakest skills."""

    def __init__(self, *, top: int, mood: str) -> None:
        self.top, self.mood = top, mood

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples evenly; what is left over goes to the weakest."""
        scores = state.scores or {}
        weakest = sorted(
            state.skills,
            key=lambda skill: (scores[skill].accuracy if skill in scores else 0.0, skill),
        )[: self.top]
        share, left = divmod(budget, len(weakest))
        allocation = {skill: share + (index < left) for index, skill in enumerate(weakest)}
        return Allocation(
            allocation=allocation,
            reasons=dict.fromkeys(weakest, f"among the weakest {self.top} ({self.mood})"),
        )
