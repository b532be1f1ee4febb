"""Teaches the weakest skills only."""

from dataenvgym_spec.gym.policies.protocol import Action, Observation


class Greedy:
    """Shares the amount among the `top` weakest skills."""

    def __init__(self, *, top: int, mood: str) -> None:
        self.top, self.mood = top, mood

    def act(self, observation: Observation, amount: int) -> Action:
        """Shares `amount` examples evenly; what is left over goes to the weakest."""
        scores = observation.scores or {}
        weakest = sorted(
            observation.skills,
            key=lambda skill: (scores[skill].accuracy if skill in scores else 0.0, skill),
        )[: self.top]
        share, left = divmod(amount, len(weakest))
        allocation = {skill: share + (index < left) for index, skill in enumerate(weakest)}
        return Action(
            allocation=allocation,
            reasons=dict.fromkeys(weakest, f"among the weakest {self.top} ({self.mood})"),
        )
