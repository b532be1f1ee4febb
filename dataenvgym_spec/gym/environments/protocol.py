"""What an environment is: the contract of state and action between a student and an agent.

An environment turns what may be seen of a student into a state, and an action into requests. A
policy sees states, an engine sees requests, and neither knows the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.plans import Request, Step, Yield
from dataenvgym_spec.records.record import Record


class SkillScore(Record, frozen=True, kw_only=True):
    """A student's score on one skill, on the hidden part of feedback."""

    accuracy: float
    items: int


class State(Record, frozen=True, kw_only=True):
    """What an agent sees, and what it remembers of earlier iterations.

    A record of an environment adds what its policies look at. What it returns from `advance` is
    written to `state.json`; a field that is None is left out.

    Attributes:
        history: the steps so far, the latest last. The executor adds to it.
    """

    history: tuple[Step, ...] = ()


class Action(Record, frozen=True, kw_only=True):
    """What a policy decides. A record of an environment adds what it takes.

    Attributes:
        reasons: why, in words, by skill.
    """

    reasons: dict[str, str] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What an arm may observe; what it may not is None.

    Attributes:
        skills: the skills of the task.
        of_item: the skill of every feedback item, by its id.
        hidden: the student's answers on the hidden part of feedback, which measures its state.
        shown: its answers on the part that prompts may show.
        yields: what became of the last requests, by skill.
    """

    skills: tuple[str, ...]
    of_item: Mapping[str, str]
    hidden: Sequence[Result] | None = None
    shown: Sequence[Result] | None = None
    yields: Mapping[str, Yield] | None = None

    def scores(self) -> dict[str, SkillScore] | None:
        """The student's score on every skill that has hidden items."""
        if self.hidden is None:
            return None
        marks: dict[str, list[bool]] = {skill: [] for skill in self.skills}
        for row in self.hidden:
            marks[self.of_item[row.id]].append(row.correct)
        scores = {}
        for skill, right in marks.items():
            if right:
                scores[skill] = SkillScore(accuracy=sum(right) / len(right), items=len(right))
        return scores

    def shortfall(self) -> dict[str, int] | None:
        """How many examples the last request for a skill was short of."""
        if self.yields is None:
            return None
        short = {}
        for skill, given in self.yields.items():
            if given.accepted < given.requested:
                short[skill] = given.requested - given.accepted
        return short


S = TypeVar("S", bound=State)
A_contra = TypeVar("A_contra", bound=Action, contravariant=True)


class Environment(Protocol[S, A_contra]):
    """The contract of state and action."""

    state: type[S]
    """The record of its states."""

    def observe(self, seen: Seen, before: S | None) -> S:
        """The state that a policy sees.

        Args:
            seen: what the arm may observe of the student.
            before: what `advance` returned in the iteration before; None in the first.
        """

    def requests(self, state: S, action: A_contra, budget: int) -> tuple[Request, ...]:
        """What an engine is asked for, in order; amounts are cut at a prefix of it.

        Args:
            state: what the policy saw.
            action: what it decided.
            budget: examples to ask for in all.
        """

    def advance(self, state: S, action: A_contra, given: Mapping[str, Yield]) -> S:
        """What is remembered for the next iteration.

        Args:
            state: what the policy saw.
            action: what it decided.
            given: what became of the requests of the iteration before, by skill.
        """
