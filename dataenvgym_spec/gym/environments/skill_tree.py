"""The skill tree: every skill has subskills, and an action grows the trees or shifts amounts."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar, Final, Literal

import msgspec
from msgspec.structs import replace

from dataenvgym_spec.gym.environments import growth, rewards, shapes
from dataenvgym_spec.gym.environments.protocol import Action, Seen, State
from dataenvgym_spec.gym.environments.shapes import Shape
from dataenvgym_spec.gym.proposers.protocol import Proposer
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import Request, Yield, within
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.skills import Explore, Move, SkillTree, Subskill


class Measured(Record, frozen=True, kw_only=True):
    """What the next reward is measured from.

    Attributes:
        by: the evaluation; the same again is no change, but no new measurement.
        marks: whether each hidden item of each skill was answered right.
        taught: how many examples the student got of each skill since.
    """

    by: str | None
    marks: dict[str, dict[str, bool]]
    taught: dict[str, int] = msgspec.field(default_factory=dict)


class SkillTreeState(State, frozen=True, kw_only=True):
    """The trees, and what a reward is measured from.

    Attributes:
        trees: every skill, in order, with its subskills, score, reward and last move.
        scored: whether scores are observed at all.
        measured: of the last evaluation; None if scores are not observed.
    """

    trees: dict[str, SkillTree] = msgspec.field(default_factory=dict)
    scored: bool = False
    measured: Measured | None = None

    def tree(self) -> dict[str, SkillTree]:
        """The trees."""
        return self.trees

    def brief(self, history: int, errors: int, rng: Random) -> dict[str, Any]:
        """The trees without what rewards are measured from, and the steps."""
        skills = {skill: _brief(tree) for skill, tree in self.trees.items()}
        steps = State(history=self.history).brief(history, errors, rng)
        return {"skills": skills, **steps}


class SkillTreeAction(Action, frozen=True, kw_only=True):
    """What happens to each skill.

    Attributes:
        moves: by skill; one that is left out stays as it is and is taught on.
        requests: what is asked for in the end. A policy leaves it out.
    """

    moves: dict[str, Move]
    requests: tuple[Request, ...] = ()


WORDS: Final = """\
The task is divided into skills, and each skill into subskills. A subskill has an allocation: how
many examples every plan asks for until a move changes it. Decide one move for each skill:
- {"kind": "explore", "count": N, "allocation": M} adds N new subskills with M examples each; what
  they are called is not yours to say.
- {"kind": "exploit", "delta": {SUBSKILL: CHANGE, ...}} adds to the allocations of its subskills.
  None falls below zero, and a CHANGE of 0 leaves one as it is.
A reward is what the student gained in a skill that was taught, compared with the others.
Answer with {"reasons": {SKILL: WHY, ...}, "moves": {SKILL: MOVE, ...}}."""
"""What a language model is told; part of the semantics of policies that show it."""


class SkillTreeEnvironment:
    """The environment of the paper's skill-tree agents."""

    state: ClassVar[type[SkillTreeState]] = SkillTreeState
    action: ClassVar[type[SkillTreeAction]] = SkillTreeAction
    words: ClassVar[str] = WORDS

    def __init__(
        self,
        *,
        subskills: Proposer,
        gain: Literal["paired", "plain"],
        prior_items: float,
        proposals: int,
    ) -> None:
        self.proposer, self.gain = subskills, gain
        self.prior_items, self.proposals = prior_items, proposals

    def observe(self, seen: Seen, before: SkillTreeState | None) -> SkillTreeState:
        """The trees with scores, rewards, and what became of the last requests, as far as seen."""
        before = before if before is not None else SkillTreeState()
        trees = {skill: before.trees.get(skill, SkillTree()) for skill in seen.skills}
        taught = dict(before.measured.taught) if before.measured is not None else {}
        for skill, tree in trees.items():
            got, trees[skill] = _credited(skill, tree, seen.yields)
            taught[skill] = taught.get(skill, 0) + got
        gains, measured = self._measured(seen, before.measured, taught)
        scores = seen.scores() or {}
        for skill, tree in trees.items():
            score = scores.get(skill)
            interval = None if score is None else score.interval
            reward = gains.get(skill)
            trees[skill] = replace(tree, score=score, interval=interval, reward=reward)
        return SkillTreeState(
            trees=trees,
            scored=seen.hidden is not None,
            measured=measured,
            history=before.history,
        )

    def _measured(
        self, seen: Seen, last: Measured | None, taught: dict[str, int]
    ) -> tuple[dict[str, float], Measured | None]:
        """The rewards since the last evaluation, and what the next ones are measured from."""
        marks = seen.marks()
        if marks is None:
            return {}, None
        if last is None:
            return {}, Measured(by=seen.answered, marks=marks)
        if last.by is not None and last.by == seen.answered:
            # Several plans for one student: what was taught since is not measured yet.
            return {}, replace(last, taught=taught)
        if self.gain == "plain":
            gains = rewards.plain(last.marks, marks)
        else:
            gains = rewards.paired(last.marks, marks, taught, self.prior_items)
        return gains, Measured(by=seen.answered, marks=marks)

    def complete(
        self, state: SkillTreeState, action: SkillTreeAction, budget: int, tools: Tools
    ) -> SkillTreeAction:
        """The action with the names of new subskills, and with what is asked for.

        Raises:
            StageError: it moves a skill or a subskill that there is not.
        """
        self.check(state, action)
        moves = growth.filled(state.trees, action.moves, self.proposer, tools, times=self.proposals)
        trees = growth.grown(state.trees, moves, len(state.history) + 1)
        requests = within(growth.in_turn(trees), budget)
        return replace(action, moves=moves, requests=requests)

    def check(self, state: SkillTreeState, action: SkillTreeAction) -> None:
        """Refuses moves of skills and subskills that there are not, and far too many new ones.

        Raises:
            StageError: there is one.
        """
        growth.check(state.trees, action.moves)

    def shape(self, state: SkillTreeState, budget: int) -> Shape:
        """A move for each skill, and why; one without subskills can only be explored."""
        moves = {skill: growth.shape(tree, budget) for skill, tree in state.trees.items()}
        reasons = shapes.each(state.trees, shapes.TEXT)
        return shapes.closed({"reasons": reasons, "moves": shapes.closed(moves)})

    def fallback(self, state: SkillTreeState, budget: int) -> SkillTreeAction:
        """Allocations stay; a skill without subskills gets two, with an equal share."""
        each = max(1, budget // (2 * max(1, len(state.trees))))
        explore = Explore(count=2, allocation=each)
        bare = [skill for skill, tree in state.trees.items() if not tree.subskills]
        reasons = dict.fromkeys(state.trees, "it stays as it is")
        reasons |= dict.fromkeys(bare, "it has no subskills yet")
        return SkillTreeAction(moves=dict.fromkeys(bare, explore), reasons=reasons)

    def requests(
        self, state: SkillTreeState, action: SkillTreeAction, budget: int
    ) -> tuple[Request, ...]:
        """One a subskill with an allocation: those that were asked for least come first."""
        return action.requests

    def advance(
        self, state: SkillTreeState, action: SkillTreeAction, given: Mapping[str, Yield]
    ) -> SkillTreeState:
        """The trees after the moves, with what is asked for and what the amount did not reach."""
        trees = growth.grown(state.trees, action.moves, len(state.history) + 1)
        return replace(state, trees=growth.served(trees, action.requests))


def _brief(tree: SkillTree) -> dict[str, Any]:
    """A tree as few JSON values."""
    content = replace(tree, subskills=(), move=None).plain()
    parts = {}
    for subskill in tree.subskills:
        parts[subskill.name] = subskill.plain()
        del parts[subskill.name]["name"]
    if tree.move is not None:
        content["move"] = type(tree.move).__name__.lower()
    return {**content, "subskills": parts}


def _credited(
    skill: str, tree: SkillTree, yields: Mapping[str, Yield] | None
) -> tuple[int, SkillTree]:
    """What the student got of a skill from the last plan, and the tree that knows it."""
    if yields is None:
        return sum(subskill.asked for subskill in tree.subskills), tree
    got, subskills = 0, []
    for subskill in tree.subskills:
        request = yields.get(growth.named(skill, subskill.name))
        accepted = request.accepted if request is not None else 0
        got += accepted
        subskills.append(_with(subskill, accepted))
    return got, replace(tree, subskills=tuple(subskills))


def _with(subskill: Subskill, accepted: int) -> Subskill:
    return replace(subskill, accepted=(subskill.accepted or 0) + accepted)
