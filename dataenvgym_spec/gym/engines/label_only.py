"""An engine that has a language model answer real questions: only the labels are synthetic.

It is the second half of active learning, whose first half is a policy that says what to ask about.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import msgspec

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.engines.groups import groups_for
from dataenvgym_spec.gym.engines.named import named_items
from dataenvgym_spec.gym.engines.untaken import untaken
from dataenvgym_spec.gym.solving import Question, Solution, Solver
from dataenvgym_spec.gym.teachers.protocol import Teacher
from dataenvgym_spec.gym.tools import Tools
from dataenvgym_spec.records.examples import Example, Provenance
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.plans import Request


class LabelOnly:
    """Takes questions of the pool and has a teacher answer them; their own answers are not used.

    Attributes:
        counts: how many questions were answered, and how many were given up.
    """

    def __init__(
        self,
        *,
        teacher: Teacher,
        prompt: str,
        samples: int,
        reasoning: bool,
        top_up: int,
        pool: Sequence[Item],
        answers: str | None = None,
    ) -> None:
        self.solver = Solver(
            teacher=teacher, prompt=prompt, samples=samples, reasoning=reasoning, answers=answers
        )
        self.top_up = top_up
        self.counts = {"answered": 0, "unsolved": 0}
        self._by_id = {item.id: item for item in pool}
        self._groups: dict[str, list[Item]] = {}
        for item in pool:
            self._groups.setdefault(item.group, []).append(item)

    def generate(self, requests: Sequence[Request], tools: Tools) -> Iterator[Example]:
        """Examples request by request: as many as are asked for, if the pool has them.

        A request that names items of the pool (`like`) gets these, in their order. Any other gets
        items of its group at random. All requests are asked about at once; for a question that the
        teacher does not agree on, another one is taken, a bounded number of times.

        Raises:
            StageError: a request names an item that the pool does not have, or asks for a subskill.
        """
        waiting = {request.id: self._items(request, tools) for request in requests}
        made: dict[str, list[Example]] = {request.id: [] for request in requests}
        taken: set[str] = set()
        for _ in range(self.top_up + 1):
            asked = []
            for request in requests:
                missing = request.count - len(made[request.id])
                items = untaken(waiting[request.id], missing, taken)
                asked += [(request, item) for item in items]
            if not asked:
                break
            for request, example in self._answered(asked):
                made[request.id].append(example)
        for request in requests:
            yield from made[request.id]

    def _items(self, request: Request, tools: Tools) -> Iterator[Item]:
        """What can be taken for a request, in order."""
        named = named_items(request, self._by_id)
        if named:
            return iter(named)
        groups = dict.fromkeys(groups_for(request, tools, list(self._groups)))
        items = [item for group in groups for item in self._groups[group]]
        random.Random(seed_from("label", tools.seed, request.id)).shuffle(items)
        return iter(items)

    def _answered(self, asked: Sequence[tuple[Request, Item]]) -> Iterator[tuple[Request, Example]]:
        """The questions that the teacher agrees on, with its answers."""
        questions = []
        for request, item in asked:
            questions.append(Question.of(item, f"{request.id}/{item.id}"))
        solutions = self.solver.solve(questions)
        for (request, item), question, solution in zip(asked, questions, solutions, strict=True):
            answer = solution.majority()
            if answer is None:
                self.counts["unsolved"] += 1
                continue
            self.counts["answered"] += 1
            yield request, _labelled(item, request, answer.text, question, solution)


def _labelled(
    item: Item, request: Request, answer: str, question: Question, solution: Solution
) -> Example:
    """An item with the teacher's answer. What tells of its own answer does not go with it."""
    labelled = msgspec.structs.replace(item, target=answer, verifier={}, targets=())
    provenance = Provenance(asks=(question.id,), model=solution.model)
    return msgspec.structs.replace(Example.of(labelled, request), provenance=provenance)
