"""Procedural word problems whose targets are worked solutions.

A solution has its reasoning, step by step, and marks its final answer as GSM8K or MATH do. So a
student is taught the reasoning, and a scorer of final answers judges it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.tasks.sources.stories import Problem, draw
from dataenvgym_spec.records.items import Item, item_id

LARGEST = 9
"""The largest number of a family that names none; as the definition has it."""


class WordProblems:
    """A source of endless items; each group is a family.

    Args of the constructor are the options of its definition.
    """

    procedural = True

    def __init__(
        self,
        *,
        families: Mapping[str, Mapping[str, Any]],
        steps: bool,
        mark: Literal["hashes", "box"],
    ) -> None:
        self.families, self.steps, self.mark = families, steps, mark

    def groups(self) -> list[str]:
        """The names of the families."""
        return sorted(self.families)

    def stream(self, group: str, seed: int) -> Iterator[Item]:
        """Items of one family, endless and repeating, from a seed."""
        family = self.families[group]
        rng = random.Random(seed_from("word-problems", seed, group))
        while True:
            yield self._item(
                draw(family["story"], family.get("largest", LARGEST), rng), family["story"], group
            )

    def _item(self, problem: Problem, story: str, group: str) -> Item:
        numbers = " ".join(map(str, problem.numbers))
        return Item(
            id=item_id(problem.question),
            input=problem.question,
            target=self._solution(problem),
            group=group,
            cluster=item_id(f"{story} {numbers}"),
            verifier={"answer": str(problem.answer)},
        )

    def _solution(self, problem: Problem) -> str:
        answer = problem.answer
        marked = f"#### {answer}" if self.mark == "hashes" else rf"\boxed{{{answer}}}"
        return "\n".join([*problem.steps, marked]) if self.steps else marked
