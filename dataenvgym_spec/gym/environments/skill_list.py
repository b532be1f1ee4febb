"""The skill list: skills stand side by side, and an action shares the amount among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from dataenvgym_spec.core.errors import StageError, suggest
from dataenvgym_spec.gym.environments import shapes
from dataenvgym_spec.gym.environments.protocol import Action, Seen, SkillScore, State
from dataenvgym_spec.gym.environments.shapes import Shape
from dataenvgym_spec.gym.sharing import share_out
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.plans import Request, Yield


class SkillListState(State, frozen=True, kw_only=True):
    """The skills, and what is known of each.

    Attributes:
        skills: their names.
        scores: the student's score on each; None if the agent does not observe scores.
        yields: what became of the last request for each; None if it does not observe yields.
    """

    skills: tuple[str, ...] = ()
    scores: dict[str, SkillScore] | None = None
    yields: dict[str, Yield] | None = None


class Allocation(Action, frozen=True, kw_only=True):
    """Examples to generate for each skill.

    Attributes:
        allocation: how many, by skill; in order, which says what is cut if they are too many.
    """

    allocation: dict[str, int]


WORDS: Final = """\
The task is divided into skills. Decide how many examples each of them gets.
Answer with {"reasons": {SKILL: WHY, ...}, "allocation": {SKILL: NUMBER, ...}}."""
"""What a language model is told; part of the semantics of policies that show it."""


class SkillList:
    """The environment of the paper's skill-list agents."""

    state: ClassVar[type[SkillListState]] = SkillListState
    action: ClassVar[type[Allocation]] = Allocation
    words: ClassVar[str] = WORDS

    def observe(self, seen: Seen, before: SkillListState | None) -> SkillListState:
        """The skills with their scores and yields, as far as the arm may see them."""
        return SkillListState(
            skills=seen.skills,
            scores=seen.scores(),
            yields=None if seen.yields is None else dict(seen.yields),
            history=before.history if before is not None else (),
        )

    def complete(
        self, state: SkillListState, action: Allocation, budget: int, tools: Tools
    ) -> Allocation:
        """The action as it is: it leaves nothing open.

        Raises:
            StageError: see `check`.
        """
        self.check(state, action)
        return action

    def check(self, state: SkillListState, action: Allocation) -> None:
        """Refuses an amount of a skill that there is not, one below zero, and nothing at all.

        Raises:
            StageError: there is one.
        """
        for skill, count in action.allocation.items():
            if skill not in state.skills:
                message = f"the action asks for examples of the skill '{skill}', which there is not"
                raise StageError(message, help=suggest(skill, state.skills))
            if count < 0:
                message = f"the action asks for {count} examples of the skill '{skill}'"
                raise StageError(message, help="an amount is zero or more")
        if not any(action.allocation.values()):
            raise StageError("the action asks for no example", help="give a skill an amount")

    def shape(self, state: SkillListState, budget: int) -> Shape:
        """An amount for each skill, and why."""
        amounts = shapes.each(state.skills, shapes.whole(0, budget))
        return shapes.closed(
            {"reasons": shapes.each(state.skills, shapes.TEXT), "allocation": amounts}
        )

    def fallback(self, state: SkillListState, budget: int) -> Allocation:
        """Equal amounts."""
        shares = share_out(dict.fromkeys(state.skills, 1.0), budget)
        return Allocation(allocation=shares, reasons=dict.fromkeys(shares, "equal amounts"))

    def requests(
        self, state: SkillListState, action: Allocation, budget: int
    ) -> tuple[Request, ...]:
        """One request a skill."""
        pairs = action.allocation.items()
        return tuple(Request(id=skill, count=count, skill=skill) for skill, count in pairs)

    def advance(
        self, state: SkillListState, action: Allocation, given: Mapping[str, Yield]
    ) -> SkillListState:
        """Only the history: what is seen is seen anew in every iteration."""
        return SkillListState(history=state.history)
