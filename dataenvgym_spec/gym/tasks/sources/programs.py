"""Procedural problems: small functions to write, over numbers, lists and texts, with tests.

A family is a skill with a difficulty: how many steps a program has, and how large its numbers are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any, Final

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.tasks.sources.coding import identity
from dataenvgym_spec.gym.tasks.sources.families import Families, Family
from dataenvgym_spec.gym.tasks.sources.steps import (
    CONDITIONS,
    SKILLS,
    VALUES,
    Step,
    inputs,
)
from dataenvgym_spec.records.items import Item

ENTRY: Final = "solve"
MOST_STEPS: Final = 6
LARGEST: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A function to write.

    Attributes:
        words: its steps, in words.
        lines: the lines of its body.
        do: its meaning.
    """

    words: tuple[str, ...]
    lines: tuple[str, ...]
    do: Callable[[Any], Any]


class Programs(Families):
    """A source of endless problems; each group is a family."""

    def __init__(self, *, families: dict[str, Family], tests: int, examples: int) -> None:
        self.families, self.tests, self.examples = families, tests, examples

    def _variants(self, group: str) -> dict[str, dict[str, int]]:
        family = self.families[group]
        steps, largest = family["steps"], family["largest"]
        ways = []
        for distance in range(1, MOST_STEPS):
            ways += [("harder", "steps", steps + distance), ("easier", "steps", steps - distance)]
            factor = 2**distance
            ways += [("harder", "largest", largest * factor)]
            ways += [("easier", "largest", largest // factor)]
        most = {"steps": MOST_STEPS, "largest": LARGEST}
        least = {"steps": 1, "largest": 4}
        return {
            f"{way}: {name} {value}": {name: value}
            for way, name, value in ways
            if least[name] <= value <= most[name]
        }

    def _stream(self, family: Family, group: str, seed: int) -> Iterator[Item]:
        rng = Random(seed_from("programs", seed, group))
        for _ in count():
            yield self._item(_problem(family, rng), family["topic"], group)

    def _item(self, problem: Problem, skill: str, group: str) -> Item:
        text = ", then ".join(problem.words)
        question = f"Write {ENTRY}(x), where x is {VALUES[skill]}: {text}."
        # The same problem has the same tests, wherever it is drawn.
        rng = Random(seed_from("tests", 0, question))
        tests = []
        for number, value in enumerate(inputs(skill, rng, self.examples + self.tests)):
            test = {"arguments": [value], "value": problem.do(value)}
            # The first ones are the odd cases: those are not given away.
            public = number >= self.tests
            tests.append({**test, "public": True} if public else test)
        shown = [test for test in tests if test.get("public")]
        for test in shown:
            question += f"\n{ENTRY}({test['arguments'][0]!r}) is {test['value']!r}"
        metadata = {"skill": skill, "steps": list(problem.words), "text": text}
        return Item(
            id=identity(question),
            input=question,
            target="\n".join([f"def {ENTRY}(x):", *(f"    {line}" for line in problem.lines)]),
            group=group,
            # Those of the same steps, in whatever order.
            cluster=identity(" ".join([skill, *sorted(problem.words)])),
            verifier={"entry": ENTRY, "tests": tests},
            metadata=metadata,
        )


def _problem(family: Family, rng: Random) -> Problem:
    skill, steps, largest = family["topic"], family["steps"], family["largest"]
    if skill == "branches":
        return _branches(rng, steps, largest)
    if skill == "loops":
        return _loop(rng, steps, largest)
    drawn = _chain(skill, rng, steps, largest)
    lines = [*(f"x = {step.code}" for step in drawn), "return x"]
    return Problem(
        words=tuple(step.words for step in drawn),
        lines=tuple(lines),
        do=lambda x: _applied(drawn, x),
    )


def _chain(skill: str, rng: Random, length: int, largest: int) -> list[Step]:
    """Steps one after the other, no two of which say the same."""
    chain: list[Step] = []
    while len(chain) < length:
        step = rng.choice(SKILLS[skill])(rng, largest)
        fits = not step.last or len(chain) == length - 1
        if fits and step.words not in [one.words for one in chain]:
            chain.append(step)
    return chain


def _applied(steps: list[Step], x: Any) -> Any:
    for step in steps:
        x = step.do(x)
    return x


def _branches(rng: Random, steps: int, largest: int) -> Problem:
    """If a condition holds, some steps, and otherwise others."""
    condition = rng.choice(CONDITIONS)(rng, largest)
    chain = _chain("branches", rng, steps + 1, largest)
    then, other = chain[:-1], chain[-1]
    lines = [f"if {condition.code}:", *(f"    x = {step.code}" for step in then)]
    lines += ["else:", f"    x = {other.code}", "return x"]
    said = " and ".join(step.words for step in then)
    return Problem(
        words=(f"if it {condition.words} {said}, else {other.words}",),
        lines=tuple(lines),
        do=lambda x: _applied(then, x) if condition.do(x) else other.do(x),
    )


def _loop(rng: Random, steps: int, largest: int) -> Problem:
    """The sum of what some steps make of each number up to the one that is given."""
    chain = _chain("loops", rng, steps, largest)
    lines = ["total = 0", "for x in range(1, x + 1):"]
    lines += [f"    x = {step.code}" for step in chain]
    lines += ["    total = total + x", "return total"]
    said = " and ".join(step.words for step in chain)
    return Problem(
        words=(f"{said} for each number from 1 to x, and sum",),
        lines=tuple(lines),
        do=lambda x: sum(_applied(chain, n) for n in range(1, x + 1)),
    )
