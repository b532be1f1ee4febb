"""The schema of an override, made from the schema of what it overrides. Merging itself lives in `merge`.

Nothing is required, `null` removes a key, a list replaces a list. What an override lacks or has too much of is known
after merging, so bounds on the number of keys are left out, and so are defaults: a key left out keeps its value.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

Schema = dict[str, Any]

LEFT_OUT: Final = frozenset({"required", "default", "minProperties", "maxProperties"})
INNER: Final = frozenset({"then", "else", "additionalProperties"})


def partial(schema: Schema) -> Schema:
    """The schema of an override.

    >>> partial({"type": "integer", "minimum": 1, "default": 4})
    {'type': ['integer', 'null'], 'minimum': 1}
    """
    out = {key: _part(key, value) for key, value in schema.items() if key not in LEFT_OUT}
    if "type" in out:
        out["type"] = [*([out["type"]] if isinstance(out["type"], str) else out["type"]), "null"]
    if "enum" in out:
        out["enum"] = [*out["enum"], None]
        if "enumDescriptions" in out:
            out["enumDescriptions"] = [*out["enumDescriptions"], "Removes the key."]
    return out


def partial_slot(schema: Schema, kinds: Iterable[Schema]) -> Schema:
    """The schema of a component's override: the options of the kind it names; if it names none, those of every kind.

    Args:
        schema: the schema of the slot.
        kinds: the options of each kind, by name.
    """
    options: dict[str, list[Schema]] = {}
    for properties in kinds:
        for name, option in properties.items():
            known = options.setdefault(name, [])
            known += [] if option in known else [option]
    unnamed = {
        "properties": {
            "kind": True,
            **{name: partial(_either(known)) for name, known in options.items()},
        },
        "additionalProperties": False,
    }
    out = partial(schema)
    return {**out, "allOf": [*out["allOf"], {"if": {"required": ["kind"]}, "else": unnamed}]}


def _part(key: str, value: Any) -> Any:
    if key == "$ref":
        return value.replace("#/definitions/", "#/definitions/partial.")
    if key == "properties":  # another kind replaces the component, and no component is without one
        return {name: part if name == "kind" else partial(part) for name, part in value.items()}
    if key in ("allOf", "anyOf"):
        return [partial(part) for part in value]
    return partial(value) if key in INNER and isinstance(value, dict) else value


def _either(options: list[Schema]) -> Schema:
    return (
        options[0]
        if len(options) == 1
        else {"description": options[0].get("description", ""), "anyOf": options}
    )
