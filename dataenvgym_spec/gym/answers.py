"""What a teacher writes of an example and of an answer: their shape, and how a reply is read.

A kind of tasks says what an answer is: a text, or calls of tools (`answers: calls`). Calls are
asked for in a shape that every service can hold a model to: no mapping with keys of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dataenvgym_spec.gym.tasks.calling.notation import ToolCall, written
from dataenvgym_spec.records.turns import ToolSchema

CALLS: Final = "calls"
"""What an answer is in a task whose answers are calls of tools."""
TEXT: Final = {"type": "string"}
_ITEMS: Final = ("string", "integer", "number", "boolean")
_LIST_OF: Final = "list of "


def exactly(fields: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a mapping with these keys, all of them and no others."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _listed(inner: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": inner}


_SCALAR: Final = [{"type": name} for name in ("string", "number", "boolean")]
_ARGUMENT: Final = exactly(
    {"name": TEXT, "value": {"anyOf": [*_SCALAR, _listed({"anyOf": _SCALAR})]}}
)
_PARAMETER: Final = exactly(
    {
        "name": TEXT,
        "type": {
            "type": "string",
            "enum": [*_ITEMS, *(f"{_LIST_OF}{name}" for name in _ITEMS)],
        },
        "description": TEXT,
        "required": {"type": "boolean"},
    }
)
_CALLS: Final = _listed(exactly({"name": TEXT, "arguments": _listed(_ARGUMENT)}))
_TOOLS: Final = _listed(
    exactly({"name": TEXT, "description": TEXT, "parameters": _listed(_PARAMETER)})
)


def fields_of(answers: str | None, *, reasoning: bool) -> dict[str, Any]:
    """The JSON Schema of each part of an example that a teacher writes, in their order."""
    fields = {"input": TEXT}
    if answers == CALLS:
        fields["tools"] = _TOOLS
    if reasoning:
        fields["reasoning"] = TEXT
    return {**fields, "target": shape_of(answers)}


def shape_of(answers: str | None) -> dict[str, Any]:
    """The JSON Schema of an answer."""
    return _CALLS if answers == CALLS else TEXT


def text_in(content: Any, name: str) -> str | None:
    """The text at a key of a mapping, less white space around it; None if there is none."""
    value = content.get(name) if isinstance(content, dict) else None
    return value.strip() or None if isinstance(value, str) else None


def answer_in(content: Any, name: str, answers: str | None) -> str | None:
    """The answer at a key of a mapping, as it is taught; None if there is none.

    Examples:
        >>> sum = {"name": "add", "arguments": [{"name": "a", "value": 1}]}
        >>> answer_in({"target": [sum]}, "target", "calls")
        '[{"name": "add", "arguments": {"a": 1}}]'
    """
    if answers != CALLS:
        return text_in(content, name)
    try:
        return written([_call(one) for one in content[name]])
    except (KeyError, TypeError, ValueError):
        return None


def tools_in(content: Any, answers: str | None) -> tuple[ToolSchema, ...] | None:
    """The tools that an example offers; none where answers call none, and None if they are wrong.

    Examples:
        >>> text = {"name": "word", "type": "list of string", "description": "", "required": True}
        >>> tool = {"name": "join", "description": "Joins.", "parameters": [text]}
        >>> tools_in({"tools": [tool]}, "calls")[0].parameters["required"]
        ['word']
    """
    if answers != CALLS:
        return ()
    try:
        return tuple(_tool(one) for one in content["tools"])
    except (KeyError, TypeError, ValueError):
        return None


def _call(given: Mapping[str, Any]) -> ToolCall:
    arguments = {}
    for argument in given["arguments"]:
        arguments[_name(argument)] = argument["value"]
    return ToolCall(name=_name(given), arguments=arguments)


def _tool(given: Mapping[str, Any]) -> ToolSchema:
    parameters: Sequence[Mapping[str, Any]] = given["parameters"]
    properties, required = {}, []
    for one in parameters:
        described = {"description": str(one["description"])} if one["description"] else {}
        properties[_name(one)] = {**_type(one["type"]), **described}
        if one["required"]:
            required.append(_name(one))
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSchema(name=_name(given), description=str(given["description"]), parameters=schema)


def _type(said: str) -> dict[str, Any]:
    of = said.removeprefix(_LIST_OF)
    if of not in _ITEMS:
        raise ValueError(f"no type: {said}")
    return {"type": of} if of == said else {"type": "array", "items": {"type": of}}


def _name(given: Mapping[str, Any]) -> str:
    """The name of a tool or an argument.

    Raises:
        ValueError: it has none.
    """
    name = given["name"]
    if not isinstance(name, str) or not name.strip():
        raise ValueError("no name")
    return name.strip()
