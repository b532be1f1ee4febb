"""What policies have in common that choose skills and share the amount equally among them.

Not a component itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from dataenvgym_spec.gym.environments.protocol import SkillScore
from dataenvgym_spec.gym.environments.skill_list import Allocation, SkillListState
from dataenvgym_spec.gym.sharing import share_out


def equally(reasons: dict[str, str], budget: int) -> Allocation:
    """Shares `budget` examples equally among the skills that there is a reason to teach.

    >>> equally({"b": "why", "a": "why not"}, 5).allocation
    {'b': 2, 'a': 3}
    """
    amounts = share_out(dict.fromkeys(reasons, 1.0), budget)
    return Allocation(allocation=amounts, reasons=reasons)


def unseen(state: SkillListState, budget: int) -> Allocation:
    """What a policy that looks at scores does where none is seen: equal amounts."""
    return equally(dict.fromkeys(state.skills, "no scores observed: equal amounts"), budget)


def accuracy(scores: Mapping[str, SkillScore], skill: str) -> float:
    """The accuracy of a skill; of one that was not measured, as if the student had none."""
    score = scores.get(skill)
    return 0.0 if score is None else score.accuracy


def measured(scores: Mapping[str, SkillScore], skill: str) -> str:
    """What is known of a skill, in words."""
    score = scores.get(skill)
    if score is None:
        return "not measured"
    return f"accuracy {score.accuracy:.2f} on {score.items} hidden items"
