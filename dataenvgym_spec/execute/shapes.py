"""Whether an answer is of the shape that was asked for, and how it is asked for again if not.

A backend that can be made to write by a JSON Schema does; what it wrote is looked at all the same.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from dataenvgym_spec.gym.prompt import Message
from dataenvgym_spec.gym.teachers.protocol import Ask

MOST_AGAIN: Final = 2
"""How often a question is asked again because its answer is of another shape."""
LONGEST: Final = 300
"""How many characters of a fault are told."""
_FENCE: Final = "```"


class Shape:
    """A JSON Schema that answers have to fit.

    >>> shape = Shape({"type": "object", "required": ["sum"]})
    >>> shape.fault('{"sum": 4}') is None
    True
    >>> shape.fault("{}")
    "'sum' is a required property"
    >>> shape.fault("four")
    'it is not JSON: Expecting value'
    """

    def __init__(self, schema: dict[str, Any]) -> None:
        # Imported here: a stage that asks for no shape starts without it.
        from jsonschema.validators import validator_for

        self._validator = validator_for(schema)(schema)
        self._json = json.JSONDecoder(parse_constant=_refuse)

    def fault(self, text: str) -> str | None:
        """What is wrong with an answer, in words that its writer understands; None if it fits."""
        from jsonschema.exceptions import best_match

        try:
            value = self._json.decode(bare(text))
        except json.JSONDecodeError as error:
            return f"it is not JSON: {error.msg}"
        except (ValueError, RecursionError) as error:
            return _cut(f"it is not JSON: {error}")
        worst = best_match(self._validator.iter_errors(value))
        if worst is None:
            return None
        where = worst.json_path.removeprefix("$").removeprefix(".")
        return _cut(f"at '{where}': {worst.message}" if where else worst.message)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def bare(text: str) -> str:
    r"""The JSON of an answer that stands between the marks of a code block, as models like to.

    >>> bare('```json\n{"a": 1}\n```')
    '{"a": 1}'
    """
    inner = text.strip()
    if not (inner.startswith(_FENCE) and inner.endswith(_FENCE)) or "\n" not in inner:
        return text
    return inner.partition("\n")[2].removesuffix(_FENCE).strip()


def again(ask: Ask, answer: str, fault: str) -> Ask:
    """The question after an answer of another shape: what was said, and what is wrong with it."""
    correction = (
        f"This answer cannot be used: {fault}. Answer again, with nothing but JSON that fits."
    )
    said = (
        Message(role="assistant", content=answer),
        Message(role="user", content=correction),
    )
    return msgspec.structs.replace(ask, messages=(*ask.messages, *said), samples=1)
