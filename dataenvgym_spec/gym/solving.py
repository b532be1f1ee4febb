"""Has a teacher answer questions, once or several times each.

Engines whose answers another teacher writes and checks that ask one share it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dataenvgym_spec.gym.answers import TEXT, answer_in, exactly, shape_of, text_in
from dataenvgym_spec.gym.prompt import TextTemplate
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.records.items import WORDS, Item, canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question to a teacher.

    Attributes:
        id: its name, which is one of its own.
        input: its text.
        before: what was said before it, as templates have it.
        tools: what an answer may call, in the form of services.
    """

    id: str
    input: str
    before: tuple[dict[str, Any], ...] = ()
    tools: tuple[dict[str, Any], ...] = ()

    @classmethod
    def of(cls, item: Item, name: str) -> Question:
        """What an item asks, by a name."""
        before = tuple({"role": turn.role, "text": turn.text} for turn in item.before)
        tools = tuple(tool.function() for tool in item.tools)
        return cls(id=name, input=item.input, before=before, tools=tools)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An answer as the teacher wrote it: the answer alone, and with the reasoning before it."""

    answer: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a teacher answered to one question.

    Attributes:
        answers: those that can be used, in the order of the samples.
        samples: how many were drawn.
        model: that answered, as it calls itself; empty if there is no answer.
    """

    answers: tuple[Written, ...]
    samples: int
    model: str = ""

    def majority(self) -> Written | None:
        """The first of the answers that more than half of the samples agree on.

        White space and letter case do not count.
        """
        read = [canonical(written.answer, WORDS) for written in self.answers]
        for answer, count in Counter(read).most_common(1):
            if 2 * count > self.samples:
                return self.answers[read.index(answer)]
        return None


class Solver:
    """Asks a teacher to answer questions.

    Args of the constructor:
        teacher: who answers.
        prompt: the template, which sees `input`, `reasoning`, `before` and `tools`.
        samples: answers drawn a question.
        reasoning: whether the teacher writes its reasoning before each answer.
        answers: what an answer is; None where it is a text.
    """

    def __init__(
        self,
        *,
        teacher: Teacher,
        prompt: str,
        samples: int,
        reasoning: bool,
        answers: str | None = None,
    ) -> None:
        self.teacher, self.samples, self.reasoning = teacher, samples, reasoning
        self.answers = answers
        self.template = TextTemplate(prompt)

    def solve(self, questions: Sequence[Question]) -> list[Solution]:
        """The answers to questions, in their order; all are asked at once.

        The seed of no iteration is part of what is asked, so that a question which comes again is
        answered as before.
        """
        asks = [self._ask(question) for question in questions]
        replies: dict[str, list[Reply]] = {ask.id: [] for ask in asks}
        for reply in self.teacher.answer(asks) if asks else ():
            replies[reply.ask].append(reply)
        return [self._solution(replies[ask.id]) for ask in asks]

    def _ask(self, question: Question) -> Ask:
        prompt = self.template.render(
            input=question.input,
            reasoning=self.reasoning,
            before=list(question.before),
            tools=list(question.tools),
        )
        return Ask.of(question.id, prompt, shape=self._shape(), samples=self.samples)

    def _shape(self) -> dict[str, Any]:
        answer = {"answer": shape_of(self.answers)}
        return exactly({"reasoning": TEXT, **answer} if self.reasoning else answer)

    def _solution(self, replies: Sequence[Reply]) -> Solution:
        ordered = sorted(replies, key=lambda reply: reply.sample)
        written = [answer for reply in ordered if (answer := self._written(reply)) is not None]
        model = next((reply.model for reply in ordered), "")
        return Solution(answers=tuple(written), samples=self.samples, model=model)

    def _written(self, reply: Reply) -> Written | None:
        content = read_object(reply)
        answer = answer_in(content, "answer", self.answers)
        if answer is None:
            return None
        reasoning = text_in(content, "reasoning") if self.reasoning else None
        return Written(answer=answer, text=f"{reasoning}\n{answer}" if reasoning else answer)


def read_object(reply: Reply) -> dict[str, Any]:
    """The mapping that a reply holds; empty if it is not usable or holds none."""
    if not reply.usable:
        return {}
    try:
        content = json.loads(reply.text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
