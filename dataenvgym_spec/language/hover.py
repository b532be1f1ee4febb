"""Hover texts of editors, in Markdown: the description of a value, its default and its bounds.

`markdownDescription` is not a keyword of JSON Schema. Editors with the language servers for JSON
and YAML prefer it to `description`, all others ignore it; see
https://code.visualstudio.com/docs/languages/json#_use-rich-formatting-in-hovers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

BOUNDS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
VALUES: Final = frozenset({"default", "enum", "const", "examples", "required"})
"""Keywords that hold values, not schemas."""
NAMED: Final = frozenset({"properties", "definitions"})
"""Keywords that hold schemas by name."""


def with_hover_texts(schema: Any) -> Any:
    r"""The schema with a `markdownDescription` for every value that has a default or bounds.

    >>> rank = {"description": "Rank.", "type": "integer", "minimum": 1, "default": 16}
    >>> with_hover_texts(rank)["markdownDescription"]
    'Rank.\n\nDefault `16`, at least `1`.'
    """
    if isinstance(schema, list):
        return [with_hover_texts(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    described: dict[str, Any] = {}
    for key, value in schema.items():
        described[key] = _inner(key, value)
    facts = ", ".join(_facts(schema))
    # A reference must not bring such a text: it would hide the description beside the reference.
    if facts and "description" in schema and "properties" not in schema:
        sentence = f"{facts[0].upper()}{facts[1:]}."
        described["markdownDescription"] = f"{schema['description']}\n\n{sentence}"
    return described


def _inner(key: str, value: Any) -> Any:
    if key in VALUES:
        return value
    if key in NAMED:
        return {name: with_hover_texts(schema) for name, schema in value.items()}
    return with_hover_texts(value)


def _facts(schema: dict[str, Any]) -> Iterator[str]:
    default = schema.get("default")
    # The defaults of a mapping are shown with its keys.
    if default not in (None, "", []) and not isinstance(default, dict):
        shown = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
        yield f"default `{shown}`"
    for key, words in BOUNDS.items():
        if key in schema:
            yield f"{words} `{schema[key]}`"
