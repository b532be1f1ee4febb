"""What an environment is: the contract of state and action between a student and an agent.

An environment turns what may be seen of a student into a state, and an action into requests. A
policy sees states, an engine sees requests, and neither knows the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

import msgspec

from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.evaluations import Result
from dataenvgym_spec.records.plans import TASK, Request, ShownError, Step, Yield
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.skills import SkillScore, SkillTree

__all__ = ["Action", "Environment", "Seen", "SkillScore", "State"]


class State(Record, frozen=True, kw_only=True):
    """What an agent sees, and what it remembers of earlier iterations.

    A record of an environment adds what its policies look at. What it returns from `advance` is
    written to `state.json`; a field that is None is left out.

    Attributes:
        history: the steps so far, the latest last. The executor adds to it.
        agent_round: of the iteration, from 2 on; None in the first. In a later one the student is
            the same as in the step before. The executor says it after `observe`.
    """

    history: tuple[Step, ...] = ()
    agent_round: int | None = None

    def tree(self) -> dict[str, SkillTree] | None:
        """What it knows of subskills, for the report and for tracking; None if it has none."""
        return None

    def brief(self, history: int, errors: int, rng: Random) -> dict[str, Any]:
        """The state as JSON values for a prompt, which stays short however long the loop is.

        Args:
            history: how many of the latest steps it holds at most.
            errors: how many errors of the student, at most.
            rng: draws them.
        """
        first = max(0, len(self.history) - history)
        return msgspec.structs.replace(self, history=self.history[first:]).plain()


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
        errors: how many of the student's errors a prompt may show.
        skills: the skills of the task; none in an environment that does not read them.
        of_item: the skill of every feedback item, by its id; some may be left out.
        hidden: the student's answers on the hidden part of feedback, which measures its state.
        shown: its answers on the part that prompts may show.
        yields: what became of the last requests, by name.
        answered: what tells apart the evaluations that the answers come from: the same again means
            that the student was not evaluated anew. None if nothing is observed.
    """

    errors: int = 0
    skills: tuple[str, ...] = ()
    of_item: Mapping[str, str] = field(default_factory=dict)
    hidden: Sequence[Result] | None = None
    shown: Sequence[Result] | None = None
    yields: Mapping[str, Yield] | None = None
    answered: str | None = None

    def marks(self) -> dict[str, dict[str, bool]] | None:
        """Whether each hidden item of each skill is answered right, by its id."""
        if self.hidden is None:
            return None
        marks: dict[str, dict[str, bool]] = {skill: {} for skill in self.skills}
        for row in self.hidden:
            skill = self.of_item.get(row.id)
            if skill is not None:
                marks[skill][row.id] = row.correct
        return marks

    def scores(self) -> dict[str, SkillScore] | None:
        """The student's score on every skill that has hidden items, or on the task as a whole."""
        if self.hidden is not None and not self.skills:
            whole = self.score()
            return {} if whole is None else {TASK: whole}
        marks = self.marks()
        if marks is None:
            return None
        scores = {}
        for skill, right in marks.items():
            if right:
                share = sum(right.values()) / len(right)
                scores[skill] = SkillScore(accuracy=share, items=len(right))
        return scores

    def score(self) -> SkillScore | None:
        """The student's score on the task as a whole; None if there is nothing to score."""
        if not self.hidden:
            return None
        right = sum(row.correct for row in self.hidden)
        return SkillScore(accuracy=right / len(self.hidden), items=len(self.hidden))

    @staticmethod
    def errors_of(rows: Sequence[Result]) -> Iterator[ShownError]:
        """What the student got wrong, each with the group of its item, in the order of the rows."""
        for row in rows:
            if not row.correct:
                yield ShownError(
                    id=row.id,
                    input=row.input,
                    target=row.target,
                    prediction=row.prediction,
                    group=row.group,
                    before=row.before,
                    tools=row.tools,
                )

    def shortfall(self) -> dict[str, int] | None:
        """How many examples each of the last requests was short of, by name."""
        if self.yields is None:
            return None
        short = {}
        for name, given in self.yields.items():
            if given.accepted < given.requested:
                short[name] = given.requested - given.accepted
        return short


S = TypeVar("S", bound=State)
A = TypeVar("A", bound=Action)


class Environment(Protocol[S, A]):
    """The contract of state and action.

    In each round of each iteration `observe` makes a state, a policy answers it with an action,
    `complete` fills in what the action leaves open, `requests` says what an engine is asked for,
    and `advance` what is remembered. An environment whose definition says `"reads": "skills"` is
    handed the skills of the task in what it sees.
    """

    state: type[S]
    """The record of its states."""
    action: type[A]
    """The record of its actions."""

    def observe(self, seen: Seen, before: S | None) -> S:
        """The state that a policy sees.

        Args:
            seen: what the arm may observe of the student.
            before: what `advance` returned in the plan before; None in the first.
        """

    def complete(self, state: S, action: A, budget: int, tools: Tools) -> A:
        """The action with what it leaves open, such as the names of new subskills.

        Args:
            state: what the policy saw.
            action: what it decided.
            budget: examples to ask for in all.
            tools: a seed, and what else it may use.

        Raises:
            StageError: the action cannot be carried out in this state.
        """

    def requests(self, state: S, action: A, budget: int) -> tuple[Request, ...]:
        """What an engine is asked for, in order; amounts are cut at a prefix of it.

        Args:
            state: what the policy saw.
            action: what it decided, completed.
            budget: examples to ask for in all.
        """

    def advance(self, state: S, action: A, given: Mapping[str, Yield]) -> S:
        """What is remembered for the next plan.

        Args:
            state: what the policy saw.
            action: what it decided.
            given: what became of the requests of the plan before, by name.
        """
