"""Answers of a teacher that only looks at the shape that is asked for. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dataenvgym_spec.execute.rehearsal.made_up import ANSWER, WORDS, answered, made, phrased, spread

QUESTIONS: Final = frozenset({"input", "question", "problem"})
ANSWERS: Final = frozenset({"target", "answer", "solution", "response"})
"""How fields are called that hold a question, and an answer to one: a word would not be scored."""
TYPES: Final = {"string": str, "array": list, "object": dict}
"""What a field takes of that which a definition has for it."""
MOST: Final = 12
"""Elements of a list that may be longer."""


@dataclass(slots=True, kw_only=True)
class Filling:
    """Fills the shape of one answer.

    Attributes:
        form: of an answer that the task's scorer can read.
        text: what was asked.
        rng: decides what is open.
        says: what stands in fields of those names, where their type takes it.
    """

    form: str
    text: str
    rng: random.Random
    says: Mapping[str, Any] = field(default_factory=dict)

    def spoken(self) -> str:
        """An answer without a shape: to the last made-up question, or some words."""
        answer = answered(self.text)
        return self._words() if answer is None else phrased(self.form, answer)

    def filled(self, shape: Mapping[str, Any]) -> Any:
        """A value of a JSON Schema."""
        for choice in ("anyOf", "oneOf"):
            if choice in shape:
                return self.filled(shape[choice][0])
        if "const" in shape:
            return shape["const"]
        if "enum" in shape:
            return self.rng.choice(shape["enum"])
        kind = _kind(shape)
        if kind == "object":
            return self._object(shape.get("properties", {}))
        if kind == "array":
            return [self.filled(shape.get("items", {})) for _ in range(_count(shape))]
        if kind == "boolean":
            return True
        if kind == "null":
            return None
        if kind in ("integer", "number"):
            return self._number(shape)
        return self._words()[: shape.get("maxLength")]

    def _object(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """An object; a question in it has the answer in it."""
        said = {name: self.filled(inner) for name, inner in fields.items()}
        texts = {name for name, inner in fields.items() if inner.get("type") == "string"}
        asked = made(self.text, self.rng.random())
        answer = answered(self.text)
        for name in texts & QUESTIONS:
            said[name], answer = asked.question, asked.answer
        right = asked.answer if answer is None else answer
        for name in texts & ANSWERS:
            said[name] = phrased(self.form, right)
        for name in {*fields} & {*self.says}:
            if isinstance(self.says[name], TYPES.get(_kind(fields[name]), ())):
                said[name] = spread(self.says[name], {ANSWER: right})
        return said

    def _number(self, shape: Mapping[str, Any]) -> int | float:
        low, high = shape.get("minimum", 0), shape.get("maximum", 10)
        if shape.get("type") == "integer":
            return self.rng.randint(int(low), int(high))
        return self.rng.uniform(low, high)

    def _words(self) -> str:
        return " ".join(self.rng.sample(WORDS, 3))


def _kind(shape: Mapping[str, Any]) -> str:
    """The type of a value; the first of several."""
    kind = shape.get("type", "object")
    return str(kind if isinstance(kind, str) else kind[0])


def _count(shape: Mapping[str, Any]) -> int:
    """As many elements as may be, but not many; at least as many as must be."""
    most = min(shape.get("maxItems", 4), MOST)
    return int(max(shape.get("minItems", 0), most))
