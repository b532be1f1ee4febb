"""A teacher that is told what to say, for whatever asks one."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from dataenvgym_spec.core.hashing import seed_from
from dataenvgym_spec.gym.teachers.protocol import Ask, Finish, Reply
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.declaration import declare
from dataenvgym_spec.language.schema import experiment_schema

Said = str | Reply
Says = Callable[[Ask, int], Said]
SUM = re.compile(r"What is (\d+) \+ (\d+)\?")


class Scripted:
    """Says what a function of the question and the sample says; without one it writes and answers sums.

    Attributes:
        batches: what it was asked, one list a call.
    """

    def __init__(self, *, says: Says | None = None, most: int = 99) -> None:
        self.says = says or sums(most)
        self.batches: list[list[Ask]] = []

    @property
    def asked(self) -> list[Ask]:
        return [ask for batch in self.batches for ask in batch]

    @property
    def prompts(self) -> list[str]:
        return [ask.messages[-1].content for ask in self.asked]

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """The replies, in order."""
        self.batches.append(list(asks))
        for ask in asks:
            for sample in range(ask.samples):
                said = self.says(ask, sample)
                yield said if isinstance(said, Reply) else reply(ask, said, sample=sample)


def reply(ask: Ask, text: str, *, sample: int = 0, finish: Finish = "stop") -> Reply:
    tokens = {"prompt": len(ask.messages[-1].content.split()), "generated": len(text.split())}
    return Reply(ask=ask.id, sample=sample, text=text, tokens=tokens, finish=finish, model="scripted-1")  # fmt: skip


def sums(most: int = 99) -> Says:
    """Writes sums, at most so many at once and none twice, and answers the one in a prompt."""
    written = iter(range(10**6))

    def says(ask: Ask, _sample: int) -> str:
        properties = (ask.shape or {})["properties"]
        if "examples" not in properties:
            one, other = SUM.findall(ask.messages[-1].content)[-1]
            content = dict.fromkeys(properties, "added up") | {"answer": str(int(one) + int(other))}
            return json.dumps(content)
        listed = properties["examples"]
        count = min(most, listed["maxItems"])
        rows = []
        for number in [next(written) for _ in range(count)]:
            row = dict.fromkeys(listed["items"]["properties"], "added up")
            row |= {
                "input": f"What is {number} + {number % 7}?",
                "target": str(number + number % 7),
            }
            rows.append(row)
        return examples(*rows)

    return says


def examples(*rows: dict[str, Any]) -> str:
    return json.dumps({"examples": rows})


class Filling:
    """Says something of the shape that was asked for, which depends on every word of the question."""

    def answer(self, asks: Sequence[Ask]) -> Iterator[Reply]:
        """The replies, in order."""
        for ask in asks:
            for sample in range(ask.samples):
                words = [ask.messages[-1].content, ask.seed, sample]
                rng = random.Random(seed_from("filling", words))
                yield reply(ask, json.dumps(filled(ask.shape or {}, rng)), sample=sample)


def filled(shape: dict[str, Any], rng: random.Random) -> Any:
    """A value of a JSON Schema of those that components ask by."""
    if "enum" in shape:
        return rng.choice(shape["enum"])
    if shape.get("type") == "object":
        return {name: filled(inner, rng) for name, inner in shape["properties"].items()}
    if shape.get("type") == "array":
        return [filled(shape["items"], rng) for _ in range(min(4, shape.get("maxItems", 2)))]
    if "anyOf" in shape:
        return filled(rng.choice(shape["anyOf"]), rng)
    number = rng.randint(shape.get("minimum", 0), shape.get("maximum", 10**6))
    return f"word {number}" if shape.get("type") == "string" else number


def install(
    patch: pytest.MonkeyPatch, kind: str = "scripted", teacher: type[Any] = Scripted
) -> None:
    """Puts it into the table of components until the test ends, as if a package had brought it."""
    most = {"type": "integer", "minimum": 0, "maximum": 99, "default": 99, "description": "Most."}
    data = {"title": kind, "description": "Writes sums.", "semantics": 1, "promise": "anywhere"}
    data |= {"properties": {"most": most} if teacher is Scripted else {}}
    item = declare(
        "teacher", kind, data, implementation=f"{__name__}:{teacher.__name__}", by="pytest"
    )
    patch.setitem(definitions()["teacher"], kind, item)
    experiment_schema.cache_clear()


def forget() -> None:
    """Lets the schema be made anew, after it was taken out of the table."""
    experiment_schema.cache_clear()
