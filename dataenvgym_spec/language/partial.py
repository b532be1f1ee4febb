"""The schema of an override, made from the schema of what it overrides. Merging is in `merge`.

Nothing is required, `null` removes a key, a list replaces a list. Whether keys are missing or too
many is known after merging, so bounds on the number of keys are left out, and so are defaults: a
key left out keeps its value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

Schema = dict[str, Any]

LEFT_OUT: Final = frozenset({"required", "default", "minProperties", "maxProperties"})
INNER: Final = frozenset({"then", "else", "additionalProperties"})
"""Keywords that hold a schema of the same value, or of values inside of it."""


def partial(schema: Schema) -> Schema:
    """The schema of an override.

    >>> partial({"type": "integer", "minimum": 1, "default": 4})
    {'type': ['integer', 'null'], 'minimum': 1}
    """
    override = {key: _part(key, value) for key, value in schema.items() if key not in LEFT_OUT}
    if "type" in override:
        types = override["type"]
        override["type"] = [*([types] if isinstance(types, str) else types), "null"]
    if "enum" in override:
        override["enum"] = [*override["enum"], None]
    if "enumDescriptions" in override:
        override["enumDescriptions"] = [*override["enumDescriptions"], "Removes the key."]
    return override


def partial_slot(schema: Schema, kinds: Iterable[Schema]) -> Schema:
    """The schema of a component's override.

    It allows the options of the kind that it names, or if it names none, those of every kind.

    Args:
        schema: the schema of the slot.
        kinds: the options of each kind, by name.
    """
    variants: dict[str, list[Schema]] = {}
    for options in kinds:
        for name, option in options.items():
            same_name = variants.setdefault(name, [])
            if option not in same_name:
                same_name.append(option)
    properties: Schema = {"kind": True}
    for name, schemas in variants.items():
        properties[name] = partial(_either(schemas))
    unnamed = {"properties": properties, "additionalProperties": False}
    override = partial(schema)
    of_any_kind = {"if": {"required": ["kind"]}, "else": unnamed}
    return {**override, "allOf": [*override["allOf"], of_any_kind]}


def _part(key: str, value: Any) -> Any:
    if key == "$ref":
        return value.replace("#/definitions/", "#/definitions/partial.")
    if key == "properties":
        # Another kind replaces the component, and every component has one.
        parts = {name: partial(part) for name, part in value.items()}
        return {**parts, "kind": value["kind"]} if "kind" in value else parts
    if key in ("allOf", "anyOf"):
        return [partial(part) for part in value]
    if key in INNER and isinstance(value, dict):
        return partial(value)
    return value


def _either(options: list[Schema]) -> Schema:
    if len(options) == 1:
        return options[0]
    return {"description": options[0].get("description", ""), "anyOf": options}
