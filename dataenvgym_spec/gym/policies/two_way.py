"""A policy for skill trees that goes harder where the student can, and easier where it cannot."""

from __future__ import annotations

import random
from typing import Literal

from dataenvgym_spec.gym.environments.skill_tree import SkillTreeAction, SkillTreeState
from dataenvgym_spec.gym.policies.moves import to
from dataenvgym_spec.gym.tasks.protocol import SourceWithVariants, way_of
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.skills import Exploit, Explore, Move, SkillScore, SkillTree

Way = Literal["harder", "as set", "easier"]
WAYS: tuple[Way, ...] = ("harder", "as set", "easier")


class TwoWay:
    """Teaches variants of a skill that are harder, as set or easier, by the student's accuracy.

    After "Bidirectional Curriculum Generation" (arXiv 2603.05120), with a task's own variants in
    place of agents that rewrite problems. Above the band a skill is taught by harder variants,
    below it by easier ones, and within it as it is. While it stays on one side, the variants go
    further that way; when it changes sides, those of the other side end.
    """

    def __init__(
        self,
        *,
        source: SourceWithVariants,
        lowest: float,
        highest: float,
        new_subskills: int,
        each: int | None = None,
    ) -> None:
        self.source, self.lowest, self.highest = source, lowest, highest
        self.new_subskills, self.each = new_subskills, each

    def act(self, state: SkillTreeState, budget: int, tools: Tools) -> SkillTreeAction:
        """A move for every skill, by its accuracy on hidden items.

        Where no scores are observed, the seed draws which way each skill goes. A skill that is not
        measured is taught as it is.
        """
        share = budget // max(1, len(state.trees))
        rng = tools.random()
        moves: dict[str, Move] = {}
        reasons = {}
        for skill, tree in state.trees.items():
            way, why = self._way(tree.score) if state.scored else _drawn(rng)
            move, what = self._move(skill, tree, way, share)
            moves[skill], reasons[skill] = move, f"{why}: {what}"
        return SkillTreeAction(moves=moves, reasons=reasons)

    def _way(self, score: SkillScore | None) -> tuple[Way, str]:
        if score is None:
            return "as set", "not measured"
        known = f"accuracy {score.accuracy:.2f} on {score.items} hidden items"
        if score.accuracy > self.highest:
            return "harder", f"{known} is above {self.highest:g}"
        if score.accuracy < self.lowest:
            return "easier", f"{known} is below {self.lowest:g}"
        return "as set", f"{known} lies within the band"

    def _each(self, share: int, variants: int) -> int:
        """Examples of each of some variants that share what a skill gets."""
        return max(1, share // variants) if self.each is None else self.each

    def _move(self, skill: str, tree: SkillTree, way: Way, share: int) -> tuple[Move, str]:
        """What a skill gets that goes one way, and that in words."""
        new = self._new(skill, tree, way)
        mine = [one for one in tree.subskills if way_of(one.name) == way]
        if not mine and not new:
            if way == "as set":
                return Exploit(delta={}), "there is no such variant"
            move, what = self._move(skill, tree, "as set", share)
            return move, f"there is no {way} variant; {what}"
        allocated = {one.name for one in tree.subskills if one.allocation}
        if mine and allocated != {one.name for one in mine}:
            # Of what it was taught before, going the other way, nothing is asked for any more.
            each = self._each(share, len(mine))
            return to(tree, {one.name: each for one in mine}), f"what is {way} and nothing else"
        if new:
            each = self._each(share, len(new))
            return Explore(count=len(new), allocation=each, subskills=new), ", ".join(new)
        return Exploit(delta={}), f"what is {way}, as before"

    def _new(self, skill: str, tree: SkillTree, way: Way) -> tuple[str, ...]:
        """The next variants that go one way, the nearest first."""
        if way == "as set" and any(way_of(name) == way for name in tree.names):
            return ()
        present, new = set(tree.names), list[str]()
        for name in self.source.variants(skill):
            if len(new) < self.new_subskills and name not in present and way_of(name) == way:
                new.append(name)
        return tuple(new)


def _drawn(rng: random.Random) -> tuple[Way, str]:
    return rng.choice(WAYS), "no scores observed: drawn"
