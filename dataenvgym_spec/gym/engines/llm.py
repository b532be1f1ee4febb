"""An engine that has a language model write examples, whatever the task is.

With a solver the first teacher only proposes questions, and the second one answers them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.answers import answer_in, exactly, fields_of, text_in, tools_in
from dataenvgym_spec.gym.prompt import Image, Message, TextTemplate
from dataenvgym_spec.gym.showing import LONGEST, in_turn
from dataenvgym_spec.gym.solving import Question, Solver, read_object
from dataenvgym_spec.gym.teachers.protocol import Ask, Reply, Teacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import TASK, Request, ShownError


@dataclass(slots=True, kw_only=True)
class Draft:
    """A request, and what is made for it so far.

    Attributes:
        wanted: how many examples.
        errors: of the student, that prompts may show.
        there: questions of before on the same, the latest last.
    """

    request: Request
    wanted: int
    errors: tuple[ShownError, ...]
    there: Sequence[str] = ()
    examples: list[Example] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many examples are still to be made."""
        return max(0, self.wanted - len(self.examples))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question to the teacher: for which request, and which errors it shows."""

    ask: Ask
    draft: Draft
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An example that a reply holds, and by whom."""

    call: Call
    item: Item
    asks: tuple[str, ...]
    model: str


class Llm:
    """Has a teacher write as many examples as are asked for.

    Attributes:
        counts: what became of the calls: how many, unusable replies by how they ended, entries of
            usable ones that could not be read as an example, examples proposed, and of these how
            many were repeated or remained without an answer.
    """

    def __init__(
        self,
        *,
        teacher: Teacher,
        prompt: str,
        task: str,
        per_call: int,
        oversample: float,
        top_up: int,
        errors: int,
        existing: int,
        reasoning: bool,
        solver: Mapping[str, Any] | None = None,
        answers: str | None = None,
    ) -> None:
        self.teacher, self.template = teacher, TextTemplate(prompt)
        self.task, self.reasoning = task, reasoning
        self.per_call, self.oversample, self.top_up = per_call, oversample, top_up
        self.errors, self.existing = errors, existing
        self.answers = answers
        self.solver = None
        if solver is not None:
            self.solver = Solver(**solver, reasoning=reasoning, answers=answers)
        self.counts: Counter[str] = Counter()

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Examples request by request, exactly as many as are asked for if the teacher can.

        All requests are asked about at once. What is then missing is asked for again, a bounded
        number of times, in prompts that show what exists; what is too much is cut.
        """
        drafts = [self._draft(request, tools) for request in requests]
        known = {example.id for example in tools.existing}
        for attempt in range(self.top_up + 1):
            short = [draft for draft in drafts if draft.missing]
            if not short:
                break
            calls = [call for draft in short for call in self._calls(draft, attempt, tools)]
            self._add(self._answered(self._proposed(calls, tools), known))
        for draft in drafts:
            yield from draft.examples

    def _draft(self, request: Request, tools: Tools) -> Draft:
        wanted = math.ceil(request.count * self.oversample)
        there = [one.input for one in tools.existing if _alike(one, request)]
        return Draft(request=request, wanted=wanted, errors=tools.shown(request), there=there)

    def _calls(self, draft: Draft, attempt: int, tools: Tools) -> Iterator[Call]:
        """The calls that ask for what is missing of a request."""
        calls = math.ceil(draft.missing / self.per_call)
        for number in range(calls):
            count = min(self.per_call, draft.missing - number * self.per_call)
            shown = in_turn(draft.errors, self.errors, attempt + number)
            prompt = self._prompt(draft, shown, count=count, call=number + 1, calls=calls)
            message = Message(role="user", content=prompt, images=self.seen(shown, tools))
            ask = Ask(
                id=f"{draft.request.id}/{attempt}/{number}",
                messages=(message,),
                shape=self._shape(count),
                # Equal prompts shall give different answers.
                seed=seed_from("llm", tools.seed, draft.request.id, attempt, number),
            )
            yield Call(ask=ask, draft=draft, shown=tuple(error.id for error in shown))

    def _shape(self, count: int) -> dict[str, Any]:
        """The JSON Schema of a list of examples."""
        example = exactly(self.fields())
        listed = {"type": "array", "items": example, "minItems": 1, "maxItems": count}
        return exactly({"examples": listed})

    def fields(self) -> dict[str, Any]:
        """What an example has in a reply, with a JSON Schema of each."""
        return fields_of(self.answers, reasoning=self.reasoning and self.solver is None)

    def seen(self, shown: Sequence[ShownError], tools: Tools) -> tuple[Image, ...]:
        """The images that a prompt shows."""
        return ()

    def more(self, shown: Sequence[ShownError]) -> dict[str, Any]:
        """What a template can use besides."""
        return {}

    def _prompt(self, draft: Draft, shown: Sequence[ShownError], **more: int) -> str:
        request = draft.request
        questions = [*draft.there, *(example.input for example in draft.examples)]
        # A slice from -0 on would be all of it.
        first = max(0, len(questions) - self.existing)
        existing = [question[:LONGEST] for question in questions[first:]]
        return self.template.render(
            task=self.task,
            skill=None if request.skill == TASK else request.skill,
            subskill=request.subskill,
            brief=request.brief,
            like=request.like,
            errors=shown,
            existing=existing,
            reasoning=self.reasoning and self.solver is None,
            **self.more(shown),
            **more,
        )

    def _proposed(self, calls: Sequence[Call], tools: Tools) -> list[Proposal]:
        """What the replies to calls hold, in the order of the calls."""
        replies = {reply.ask: reply for reply in self.teacher.answer([call.ask for call in calls])}
        proposals = []
        for call in calls:
            self.counts["calls"] += 1
            reply = replies[call.ask.id]
            found = list(self._read(call, reply, tools))
            if not found:
                self.counts["unusable" if reply.usable else reply.finish] += 1
            proposals += found
        self.counts["proposed"] += len(proposals)
        return proposals

    def _read(self, call: Call, reply: Reply, tools: Tools) -> Iterator[Proposal]:
        """The examples that a reply holds; no more than were asked for are expected."""
        listed = read_object(reply).get("examples")
        for given in listed if isinstance(listed, list) else ():
            item = self.item(call, given, tools)
            if item is None:
                self.counts["unparsed"] += 1
            else:
                yield Proposal(call=call, item=item, asks=(call.ask.id,), model=reply.model)

    def item(self, call: Call, given: Any, tools: Tools) -> Item | None:
        """What an entry of a reply asks and answers; None if it is no example."""
        question, target = text_in(given, "input"), answer_in(given, "target", self.answers)
        offered = tools_in(given, self.answers)
        unanswered = target is None and self.solver is None
        if question is None or offered is None or unanswered:
            return None
        reasoning = text_in(given, "reasoning") if self.reasoning else None
        taught = f"{reasoning}\n{target}" if reasoning else target or ""
        group = call.draft.request.skill
        item = Item(id="", input=question, target=taught, group=group, cluster="", tools=offered)
        return tools.identified(item)

    def _answered(self, proposals: Sequence[Proposal], known: set[str]) -> list[Proposal]:
        """The proposals that are new and needed, with the answers of the solver if there is one."""
        kept = []
        left = Counter({proposal.call.draft.request.id: 0 for proposal in proposals})
        for proposal in proposals:
            draft, identity = proposal.call.draft, proposal.item.id
            if identity in known:
                self.counts["repeated"] += 1
            elif left[draft.request.id] < draft.missing:
                left[draft.request.id] += 1
                known.add(identity)
                kept.append(proposal)
        return kept if self.solver is None else self._solved(kept, self.solver)

    def _solved(self, proposals: Sequence[Proposal], solver: Solver) -> list[Proposal]:
        questions = []
        for number, proposal in enumerate(proposals):
            questions.append(Question.of(proposal.item, f"{proposal.asks[0]}/{number}"))
        solved = []
        for question, proposal, solution in zip(
            questions, proposals, solver.solve(questions), strict=True
        ):
            answer = solution.majority()
            if answer is None:
                self.counts["unsolved"] += 1
                continue
            asks = (*proposal.asks, question.id)
            item = msgspec.structs.replace(proposal.item, target=answer.text)
            solved.append(replace(proposal, item=item, asks=asks, model=solution.model))
        return solved

    def _add(self, proposals: Sequence[Proposal]) -> None:
        for proposal in proposals:
            proposal.call.draft.examples.append(_example(proposal))


def _alike(example: Example, request: Request) -> bool:
    """Whether an example of before is of what a request asks for."""
    return (example.skill, example.subskill) == (request.skill, request.subskill)


def _example(proposal: Proposal) -> Example:
    """A proposal as an example: a question is its own cluster, as of rows that name none."""
    provenance = Provenance(asks=proposal.asks, shown=proposal.call.shown, model=proposal.model)
    example = Example.of(proposal.item, proposal.call.draft.request)
    return msgspec.structs.replace(example, provenance=provenance)
