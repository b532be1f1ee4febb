"""Items that ask for calls of tools, as sources of them make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dataenvgym_spec.records.items import WORDS, Form, Item, item_id, question_id
from dataenvgym_spec.records.turns import ToolSchema, Turn

_TYPES: Final = {"dict": "object", "float": "number", "double": "number", "tuple": "array"}
"""Types of Python as JSON Schema calls them."""
_UNTYPED: Final = ("any", "Any")


def asked(
    question: str,
    *,
    target: str,
    group: str,
    tools: tuple[ToolSchema, ...],
    verifier: dict[str, Any],
    before: tuple[Turn, ...] = (),
    metadata: dict[str, Any] | None = None,
    targets: tuple[str, ...] = (),
    cluster: str | None = None,
    form: Form = WORDS,
) -> Item:
    """An item with its identity: what is asked, what was said before, and which tools there are.

    Its cluster is that of its question, whichever tools go with it, unless another one is given.
    """
    own = item_id(question, form=form)
    item = Item(
        id=own,
        input=question,
        target=target,
        group=group,
        cluster=cluster or own,
        verifier=verifier,
        metadata=metadata or {},
        targets=targets,
        before=before,
        tools=tools,
    )
    return msgspec.structs.replace(item, id=question_id(item, form))


def schema_of(described: Any) -> dict[str, Any]:
    """A schema of a tool's parameters in JSON Schema, where types are named as in Python.

    >>> schema_of({"type": "dict", "properties": {"x": {"type": "float"}}})
    {'type': 'object', 'properties': {'x': {'type': 'number'}}}
    """
    made = _schema(described)
    return made if isinstance(made, dict) else {}


def _schema(described: Any) -> Any:
    if not isinstance(described, Mapping):
        return described
    made: dict[str, Any] = {}
    for key, value in described.items():
        if key == "type" and isinstance(value, str):
            if value not in _UNTYPED:
                made[key] = _TYPES.get(value, value)
        elif key == "properties" and isinstance(value, Mapping):
            made[key] = {name: _schema(inner) for name, inner in value.items()}
        elif key in ("items", "additionalProperties"):
            made[key] = _schema(value)
        else:
            made[key] = value
    return made
