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
_THOUGHT: Final = "</think>"
_JSON: Final = ("{", "[", '"', _FENCE)
"""How an answer of JSON begins: a tag in it is a text's."""


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
            return _broken_text(value)
        where = worst.json_path.removeprefix("$").removeprefix(".")
        return _cut(f"at '{where}': {worst.message}" if where else worst.message)


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def _broken_text(value: Any) -> str | None:
    """What is wrong where an escape of JSON stands for half of a character, which no file takes."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        return f"'{half}' is half of a surrogate pair, and no character"
    return None


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def bare(text: str) -> str:
    r"""The JSON of an answer, without what a model thought before it, and the marks round it.

    Many models put JSON between the marks of a code block.

    >>> bare('<think>It is one.</think>\n```json\n{"a": 1}\n```')
    '{"a": 1}'
    """
    said = spoken(text)
    inner = said.strip()
    if not (inner.startswith(_FENCE) and inner.endswith(_FENCE)) or "\n" not in inner:
        return said
    return inner.partition("\n")[2].removesuffix(_FENCE).strip()


def spoken(text: str) -> str:
    r"""An answer of JSON without the thoughts that a model wrote before it.

    Services that tell the two apart give the answer alone. Of others, and of a model that runs
    here, both come as one text, without the first tag where the chat template has written that.

    >>> spoken('It may be one, or not.\n</think>\n\n{"a": 1}')
    '{"a": 1}'
    >>> spoken('{"a": "</think>"}')
    '{"a": "</think>"}'
    """
    if text.lstrip().startswith(_JSON):
        return text
    return text.partition(_THOUGHT)[2].strip() or text


def again(ask: Ask, answer: str, fault: str) -> Ask:
    """The question after an answer of another shape: what was said, and what is wrong with it."""
    correction = (
        f"This answer cannot be used: {fault}. Answer again, with nothing but JSON that fits."
    )
    said = (
        Message(role="assistant", content=spoken(answer)),
        Message(role="user", content=correction),
    )
    return msgspec.structs.replace(ask, messages=(*ask.messages, *said), samples=1)
