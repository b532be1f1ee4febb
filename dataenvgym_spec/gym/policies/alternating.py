"""A policy for skill trees that explores and exploits in turn, whatever the student can do."""

from __future__ import annotations

from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.policies.moves import exploring, raised, to
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.skills import Explore, Move, SkillTree


class Alternating:
    """Adds subskills to every skill in one plan and asks for examples of all in the next."""

    def __init__(
        self,
        *,
        new_subskills: int,
        increase: int,
        each: int | None = None,
        most_examples: int | None = None,
    ) -> None:
        self.new_subskills, self.each = new_subskills, each
        self.increase, self.most_examples = increase, most_examples

    def act(self, state: SkillTreeState, budget: int, tools: Tools) -> SkillTreeAction:
        """A move for every skill: what it did not get last.

        >>> state = SkillTreeState(trees={"sum": SkillTree()})
        >>> act = Alternating(new_subskills=2, increase=0).act(state, 10, Tools(seed=0))
        >>> act.moves["sum"]
        Explore(count=2, allocation=5, subskills=())
        """
        explore = exploring(state, budget, count=self.new_subskills, each=self.each)
        moves: dict[str, Move] = {}
        reasons = {}
        for skill, tree in state.trees.items():
            moves[skill], reasons[skill] = self._move(tree, explore)
        return SkillTreeAction(moves=moves, reasons=reasons)

    def _move(self, tree: SkillTree, explore: Explore) -> tuple[Move, str]:
        if self.most_examples is not None and tree.examples >= self.most_examples:
            return to(tree, {}), f"it has {tree.examples} examples"
        if isinstance(tree.move, Explore):
            return raised(tree, self.increase), "it was explored in the plan before"
        return explore, "its turn to be explored"
