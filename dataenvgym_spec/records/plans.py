"""Plans: what an agent decides, what it asks an engine for, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.media import Picture
from dataenvgym_spec.records.record import Record
from dataenvgym_spec.records.skills import SkillTree
from dataenvgym_spec.records.turns import ToolSchema, Turn, asked

TASK: Final = "task"
"""The skill of a request that is about the task as a whole, where there are no skills."""


class Like(Record, frozen=True, kw_only=True):
    """A real item that a prompt shows as an example, from the pool.

    Attributes:
        input: the question.
        target: the right answer.
        group: what its source says it belongs to.
        id: its id, where an engine is to take this very item.
        before: what was said before the question.
        tools: what an answer may call.
    """

    input: str
    target: str
    group: str
    id: str | None = None
    before: tuple[Turn, ...] = ()
    tools: tuple[ToolSchema, ...] = ()

    @property
    def asked(self) -> str:
        """All of the question that can be said in words."""
        return asked(self.input, self.before, self.tools)


class Request(Record, frozen=True, kw_only=True):
    """What a plan asks an engine for.

    Attributes:
        id: its name within the plan.
        count: how many examples.
        skill: what they are about.
        subskill: a part of the skill, in an environment that has them.
        brief: the instruction in words.
        show: ids of errors that a prompt may show; None for those of the skill.
        like: real items that a prompt shows as examples.
    """

    id: str
    count: int
    skill: str
    subskill: str | None = None
    brief: str | None = None
    show: tuple[str, ...] | None = None
    like: tuple[Like, ...] = ()

    @property
    def simple(self) -> bool:
        """Whether it says no more than how many examples of a skill."""
        return self == Request(id=self.skill, count=self.count, skill=self.skill)


def within(requests: Sequence[Request], budget: int) -> tuple[Request, ...]:
    """The prefix of requests that asks for no more examples than there are to teach.

    Examples:
        >>> asked = [Request(id="1", count=5, skill="sum"), Request(id="2", count=5, skill="gcd")]
        >>> [request.count for request in within(asked, 7)]
        [5, 2]

    Raises:
        StageError: a request asks for less than nothing.
    """
    left = budget
    kept = []
    for request in requests:
        if request.count < 0:
            message = f"the request '{request.id}' asks for {request.count} examples"
            raise StageError(message, help="correct the policy or the environment that made it")
        count = min(request.count, left)
        left -= count
        # A request for nothing stays: the plan says that it was considered.
        if count == request.count:
            kept.append(request)
        elif count:
            kept.append(msgspec.structs.replace(request, count=count))
    return tuple(kept)


class Yield(Record, frozen=True, kw_only=True):
    """What became of a request, in examples.

    Attributes:
        requested: how many were asked for.
        accepted: how many all checks let through.
        candidates: how many an engine made for it; only where an arm observes reasons.
        reasons: why checks rejected some, with how many, by check; the same. A check that reads
            splits is not among them.
    """

    requested: int
    accepted: int
    candidates: int | None = None
    reasons: dict[str, dict[str, int]] | None = None


class ShownError(Record, frozen=True, kw_only=True):
    """An item that the student got wrong, from the shown part of feedback.

    Attributes:
        id: what a request shows it by.
        input: the question.
        target: the right answer.
        prediction: what the student answered.
        group: what the source says it belongs to; left out where its skill says it.
        before: what was said before the question.
        tools: what an answer may call.
        images: what the question shows, where an engine shows it to a teacher; their files are in
            the port of the plan.
    """

    id: str
    input: str
    target: str
    prediction: str
    group: str | None = None
    before: tuple[Turn, ...] = ()
    tools: tuple[ToolSchema, ...] = ()
    images: tuple[Picture, ...] = ()

    @property
    def asked(self) -> str:
        """All of the question that can be said in words."""
        return asked(self.input, self.before, self.tools)


class Step(Record, frozen=True, kw_only=True):
    """What the agent decided in one plan, and what it saw.

    Attributes:
        allocation: examples to generate, by skill.
        reasons: why, in words, by skill.
        scores: the accuracies that were observed, by skill.
        shortfall: how many examples each of the last requests was short of, by its name.
        agent_round: of its iteration, from 2 on, in which the student is the same as in the step
            before; None in the first.
    """

    allocation: dict[str, int]
    reasons: dict[str, str]
    scores: dict[str, float] | None = None
    shortfall: dict[str, int] | None = None
    agent_round: int | None = None


class Plan(Step, frozen=True, kw_only=True):
    """A step with what the engine needs; `plan.json`.

    Attributes:
        errors: some of the student's errors, by skill: what a prompt may show.
        iteration: from 1 on; left out when the loop has stopped.
        requests: what is asked for, in order; left out where the allocation says it all.
        tree: the skills with their subskills after this plan, in an environment that has them.
        groups: of the skills that are asked for, as in `SkillMap`.
    """

    errors: dict[str, tuple[ShownError, ...]]
    iteration: int | None = None
    requests: tuple[Request, ...] | None = None
    tree: dict[str, SkillTree] | None = None
    groups: dict[str, dict[str, int]] | None = None

    def asked(self) -> tuple[Request, ...]:
        """The requests, in order."""
        if self.requests is not None:
            return self.requests
        pairs = self.allocation.items()
        return tuple(Request(id=skill, count=count, skill=skill) for skill, count in pairs)


class SkillMap(Record, frozen=True, kw_only=True):
    """The skills of a task and the skill of every feedback item, by its id; `skills.json`.

    An item that belongs to none of them is left out.

    Attributes:
        skills: their names.
        items: the skill of each item, by its id.
        descriptions: what a skill is, in words, by its name; left out where nothing is said.
        groups: how many of the items that a skill was made of are in which group of the source,
            for engines that draw; left out where skills are the groups.
    """

    skills: tuple[str, ...]
    items: dict[str, str]
    descriptions: dict[str, str] | None = None
    groups: dict[str, dict[str, int]] | None = None
