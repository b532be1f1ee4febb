"""A policy for skill lists that teaches what the student is weak in."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.sharing import share_out
from dataenvgym_spec.gym.tools import Tools


class Allocate:
    """Shares the amount by error rate, above an even floor; without scores, evenly."""

    def __init__(self, *, power: float, floor: float) -> None:
        self.power, self.floor = power, floor

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples among the skills.

        >>> from dataenvgym_spec.gym.environments.protocol import SkillScore
        >>> weak, good = SkillScore(accuracy=0.0, items=10), SkillScore(accuracy=1.0, items=10)
        >>> state = SkillListState(skills=("a", "b"), scores={"a": weak, "b": good})
        >>> Allocate(power=1.0, floor=0.2).act(state, 10, Tools(seed=0)).allocation
        {'a': 9, 'b': 1}
        """
        skills = state.skills
        errors = {skill: self._weight(skill, state) for skill in skills}
        total, even = sum(errors.values()), 1 / len(skills)
        weights = {}
        for skill, error in errors.items():
            share = error / total if total else even
            weights[skill] = self.floor * even + (1 - self.floor) * share
        reasons = {skill: self._reason(skill, state) for skill in skills}
        return Allocation(allocation=share_out(weights, budget), reasons=reasons)

    def _weight(self, skill: str, state: SkillListState) -> float:
        score = (state.scores or {}).get(skill)
        weight = 1.0 if score is None else (1 - score.accuracy) ** self.power
        given = (state.yields or {}).get(skill)
        if given is None or not given.requested:
            return weight
        # A family that runs dry gives less than it is asked for; asking for as much again would
        # waste the amount.
        return weight * (given.accepted / given.requested)

    def _reason(self, skill: str, state: SkillListState) -> str:
        score = (state.scores or {}).get(skill)
        given = (state.yields or {}).get(skill)
        words = ["no state observed"]
        if score is not None:
            words = [f"accuracy {score.accuracy:.2f} on {score.items} hidden items"]
        if given is not None and given.accepted < given.requested:
            words.append(f"{given.accepted} of {given.requested} requested examples were accepted")
        return "; ".join(words)
