"""A policy for skill lists that teaches what moves."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.changes import Change, changes
from dataenvgym_spec.gym.policies.shares import unseen
from dataenvgym_spec.gym.sharing import share_out
from dataenvgym_spec.gym.tools import Tools


class LearningProgress:
    """Shares the amount by how much accuracy changed, up or down, when a skill was taught last.

    Absolute learning progress, as in Matiisen et al., "Teacher-Student Curriculum Learning" (arXiv
    1707.00183): what the student forgets is taught again, what stands still is left alone.
    """

    def __init__(self, *, exploration: float, prior_items: float) -> None:
        self.exploration, self.prior_items = exploration, prior_items

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples; a part of it is for skills whose change is unknown.

        >>> from dataenvgym_spec.gym.environments.protocol import SkillScore
        >>> from dataenvgym_spec.records.plans import Step
        >>> before = Step(allocation={"a": 5, "b": 5}, reasons={}, scores={"a": 0.1, "b": 0.2})
        >>> now = {"a": SkillScore(accuracy=0.4, items=9), "b": SkillScore(accuracy=0.1, items=9)}
        >>> state = SkillListState(skills=("a", "b", "c"), scores=now, history=(before,))
        >>> policy = LearningProgress(exploration=0.2, prior_items=0)
        >>> policy.act(state, 10, Tools(seed=0)).allocation
        {'a': 6, 'b': 2, 'c': 2}
        """
        if not state.scores:
            return unseen(state, budget)
        found = changes(state)
        last = {skill: found[skill][0] for skill in state.skills if found.get(skill)}
        unknown = [skill for skill in state.skills if skill not in last]
        weights = self._by_progress(last)
        part = self.exploration if last else 1.0
        explored = unknown or state.skills
        for skill in explored:
            weights[skill] = weights.get(skill, 0.0) + part / len(explored)
        reasons = dict.fromkeys(unknown, "change unknown: it is explored")
        for skill, change in last.items():
            reasons[skill] = f"{self._moved(change):+.4f} when it was taught last"
        return Allocation(allocation=share_out(weights, budget), reasons=reasons)

    def _by_progress(self, last: dict[str, Change]) -> dict[str, float]:
        """The part that is not for exploration, by absolute change; evenly if nothing moved."""
        moved = {skill: abs(self._moved(change)) for skill, change in last.items()}
        total = sum(moved.values())
        weights = {}
        for skill, size in moved.items():
            share = size / total if total else 1 / len(moved)
            weights[skill] = (1 - self.exploration) * share
        return weights

    def _moved(self, change: Change) -> float:
        return change.shrunk(self.prior_items)
