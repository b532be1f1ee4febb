"""What policies for skill trees have in common. Not a component itself."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_tree import SkillTreeState
from dataenvgym_spec.records.skills import Exploit, Explore, SkillTree


def exploring(
    state: SkillTreeState, budget: int, *, count: int, each: int | None, skills: int | None = None
) -> Explore:
    """New subskills of one skill.

    Args:
        state: what the policy sees.
        budget: examples of the plan.
        count: how many new subskills.
        each: examples of each; None for an equal share of the budget among the new subskills of
            all skills.
        skills: how many skills explore; None for all of them.
    """
    if each is None:
        new = count * (len(state.trees) if skills is None else skills)
        each = max(1, budget // max(1, new))
    return Explore(count=count, allocation=each)


def to(tree: SkillTree, allocations: dict[str, int]) -> Exploit:
    """Allocations as an action; a subskill that is left out gets nothing.

    >>> from dataenvgym_spec.records.skills import Subskill
    >>> tree = SkillTree(subskills=(Subskill(name="zeros", allocation=4, added=1),))
    >>> to(tree, {"zeros": 1}).delta
    {'zeros': -3}
    """
    delta = {}
    for subskill in tree.subskills:
        delta[subskill.name] = allocations.get(subskill.name, 0) - subskill.allocation
    return Exploit(delta=delta)


def raised(tree: SkillTree, amount: int) -> Exploit:
    """The same amount more, or less, for every subskill."""
    return Exploit(delta=dict.fromkeys(tree.names, amount))
