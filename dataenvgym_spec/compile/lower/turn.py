"""Where the loop of an arm stands: what its steps hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass

from dataenvgym_spec.graph.ir import Input

Inputs = tuple[Input, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What stands before the loop begins.

    Attributes:
        splits: the stage that draws each split, by role.
        reserve: what examples must keep clear of; None if no check asks.
        base: the base student.
        skills: the skills of the task; empty where the environment reads none.
        found: the skills as they were found, for labels of other splits; empty where none are.
    """

    splits: dict[str, str]
    reserve: Input | None
    base: Input
    skills: Inputs
    found: Inputs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where the loop stands after an iteration; 0 is before the first.

    Attributes:
        number: of the iteration.
        agent_round: how many rounds of the agent it has had.
        student: the latest.
        state: what the agent remembers, and the yield if it may see it.
        accepted: the examples of all iterations so far.
        latest: those of this iteration.
        idle: whether the agent of the examples may have asked for none.
        scores: the evaluations on selection so far.
        gate: what tells whether this iteration takes place; empty if nothing does.
    """

    number: int
    agent_round: int = 0
    student: Input
    state: Inputs = ()
    accepted: Inputs = ()
    latest: Inputs = ()
    idle: bool = False
    scores: Inputs = ()
    gate: Inputs = ()

    @property
    def later(self) -> str:
        """What the stages of a later round are called besides; nothing in the first."""
        return f", round {self.agent_round}" if self.agent_round > 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What came of a plan: the accepted examples of generation and refills, and the last yield."""

    accepted: Inputs
    given: Input
