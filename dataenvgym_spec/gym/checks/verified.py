"""Does another teacher come to the same answer?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.gym.solving import Question, Solution, Solver, Written
from dataenvgym_spec.gym.tasks.protocol import Answer
from dataenvgym_spec.gym.teachers.protocol import Teacher
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import WORDS, canonical

BLOCK: Final = 256
"""Candidates that are asked about at once."""
FEW: Final = 8
"""The same of those that are judged only because earlier ones failed."""


class Verified:
    """Objects to an example unless most answers of a teacher agree with its target.

    The task's scorer says whether they agree. Where an example has nothing to be judged by but its
    target, an answer in the same words agrees as well, and one that the target is right by.
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
        self.solver = Solver(
            teacher=teacher, prompt=prompt, samples=samples, reasoning=reasoning, answers=answers
        )
        self._expected: list[Example] = []
        self._spare: list[Example] = []
        self._solutions: dict[str, Solution] = {}

    def coming(self, examples: Sequence[Example], wanted: Mapping[str, int]) -> None:
        """Notes what will be asked about, and what only if earlier candidates fail."""
        seen: Counter[str] = Counter()
        for example in examples:
            seen[example.asked_by] += 1
            usual = seen[example.asked_by] <= wanted.get(example.asked_by, 0)
            (self._expected if usual else self._spare).append(example)

    def objections(self, examples: Sequence[Example], sight: Sight) -> list[str | None]:
        """Why each candidate should not be taught, or None."""
        return [self._objection(example, sight) for example in examples]

    def _objection(self, example: Example, sight: Sight) -> str | None:
        if example.id not in self._solutions:
            self._solve(example, sight)
        solution = self._solutions[example.id]
        right = _agreeing(example, solution.answers, sight)
        if 2 * right > solution.samples:
            return None
        return f"{right} of {solution.samples} answers of a teacher agree with the target"

    def _solve(self, example: Example, sight: Sight) -> None:
        """Asks about a candidate, and about those after it that are likely to be asked about."""
        questions = [Question.of(example, example.id)]
        names = {example.id}
        for other in self._after(example):
            known = other.id in self._solutions or other.id in sight.accepted
            if not known and other.id not in names:
                names.add(other.id)
                questions.append(Question.of(other, other.id))
        solutions = self.solver.solve(questions)
        for question, solution in zip(questions, solutions, strict=True):
            self._solutions[question.id] = solution

    def _after(self, example: Example) -> Iterator[Example]:
        for examples, most in ((self._expected, BLOCK), (self._spare, FEW)):
            if example in examples:
                start = examples.index(example)
                return islice(examples, start + 1, start + most)
        return iter(())


def _agreeing(example: Example, answers: Sequence[Written], sight: Sight) -> int:
    """How many answers agree with the target."""
    texts = [written.answer for written in answers]
    pairs = [(example.item(), Answer(text=text)) for text in texts]
    scores = sight.scorer.score(pairs) if pairs else []
    left = [text for text, score in zip(texts, scores, strict=True) if not score.correct]
    agreeing = len(texts) - len(left)
    if example.verifier or example.targets:
        return agreeing
    target = canonical(example.target, WORDS)
    other = [text for text in left if canonical(text, WORDS) != target]
    return agreeing + len(left) - len(other) + _read_by(other, example, sight)


def _read_by(texts: Sequence[str], example: Example, sight: Sight) -> int:
    """How many answers the target is right by.

    A scorer may read an answer only after a mark, which a target has and an answer alone lacks.
    """
    target = Answer(text=example.target)
    turned = [(msgspec.structs.replace(example.item(), target=text), target) for text in texts]
    scores = sight.scorer.score(turned) if turned else []
    return sum(score.correct for score in scores)
