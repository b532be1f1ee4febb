"""A proposer that asks a language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.answers import exactly
from dataenvgym_spec.gym.prompt import TextTemplate
from dataenvgym_spec.gym.proposers.listed import fresh
from dataenvgym_spec.gym.proposers.protocol import Wanted, tidy
from dataenvgym_spec.gym.showing import in_turn
from dataenvgym_spec.gym.solving import read_object
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.gym.tools import Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A question for some of the new subskills of a skill."""

    ask: Ask
    wanted: Wanted


class SubskillsByModel:
    """Subskills by the words of a teacher.

    No prompt grows with a tree. A reply that cannot be used names no subskill, and a name that is
    there already is none: the environment asks again for what is missing, in prompts that show what
    there is by then, and its state says what is missing in the end.
    """

    def __init__(
        self,
        *,
        teacher: Teacher,
        prompt: str,
        topic: str,
        per_call: int,
        existing: int,
        errors: int,
    ) -> None:
        self.teacher, self.template, self.topic = teacher, TextTemplate(prompt), topic
        self.per_call, self.existing, self.errors = per_call, existing, errors

    def propose(self, wanted: Sequence[Wanted], tools: Tools) -> dict[str, list[str]]:
        """Names by skill, in the order of the calls; the teacher is asked about all skills at once.

        Raises:
            StageError: the teacher cannot be reached or refuses to work.
        """
        calls = [call for one in wanted for call in self._calls(one, tools)]
        named: dict[str, list[str]] = {one.skill: [] for one in wanted}
        replies = {}
        if calls:
            replies = {reply.ask: reply for reply in self.teacher.answer([c.ask for c in calls])}
        for call in calls:
            named[call.wanted.skill] += _names(replies[call.ask.id])
        return {one.skill: fresh(named[one.skill], one) for one in wanted}

    def _calls(self, wanted: Wanted, tools: Tools) -> Iterator[Call]:
        calls = ceil(wanted.count / self.per_call)
        # A slice from -0 on would be all of them.
        first = max(0, len(wanted.present) - self.existing)
        for number in range(calls):
            count = min(self.per_call, wanted.count - number * self.per_call)
            prompt = self.template.render(
                topic=self.topic,
                skill=wanted.skill,
                count=count,
                call=number + 1,
                calls=calls,
                existing=wanted.present[first:],
                errors=in_turn(tools.errors.get(wanted.skill, ()), self.errors, number),
            )
            # Equal prompts shall give different names.
            seed = seed_from("propose", tools.seed, wanted.skill, number)
            ask = Ask.of(
                f"subskills/{wanted.skill}/{number}", prompt, shape=_shape(count), seed=seed
            )
            yield Call(ask=ask, wanted=wanted)


def _shape(count: int) -> dict[str, Any]:
    """The JSON Schema of a list of names."""
    listed = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": count}
    return exactly({"subskills": listed})


def _names(reply: Reply) -> list[str]:
    """The names that a reply holds, in order."""
    listed = read_object(reply).get("subskills")
    if not isinstance(listed, list):
        return []
    names = [tidy(name) for name in listed if isinstance(name, str)]
    return [name for name in names if name]
