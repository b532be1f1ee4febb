"""A policy for skill lists that draws skills among those that the student is not perfect in."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.policies.shares import accuracy, equally, measured, unseen
from dataenvgym_spec.gym.tools import Tools


class Sampled:
    """Shares the amount equally among `n` skills drawn from those with an item wrong.

    A skill that was not measured can be drawn. Where every skill is perfect, and where no scores
    are seen, all skills share.
    """

    def __init__(self, *, n: int) -> None:
        self.n = n

    def act(self, state: SkillListState, budget: int, tools: Tools) -> Allocation:
        """Shares `budget` examples among the skills that the seed draws.

        >>> from dataenvgym_spec.gym.environments.protocol import SkillScore
        >>> weak, good = SkillScore(accuracy=0.1, items=10), SkillScore(accuracy=1.0, items=10)
        >>> state = SkillListState(skills=("a", "b", "c"), scores={"a": good, "b": weak, "c": good})
        >>> Sampled(n=2).act(state, 9, Tools(seed=0)).allocation
        {'b': 9}
        """
        scores = state.scores
        if not scores:
            return unseen(state, budget)
        imperfect = [skill for skill in sorted(state.skills) if accuracy(scores, skill) < 1]
        if not imperfect:
            words = "every skill is perfect: equal amounts"
            return equally(dict.fromkeys(state.skills, words), budget)
        drawn = tools.random().sample(imperfect, min(self.n, len(imperfect)))
        start = f"drawn among {len(imperfect)} imperfect skills"
        reasons = {skill: f"{start}: {measured(scores, skill)}" for skill in drawn}
        return equally(reasons, budget)
