"""What an editor shows beside a value, in Markdown: its description, its default and its bounds.

`markdownDescription` is no keyword of JSON Schema; editors built on the language servers for JSON and YAML prefer it to
`description` (https://code.visualstudio.com/docs/languages/json#_use-rich-formatting-in-hovers), all others ignore it.
"""

from __future__ import annotations

import json
from typing import Any, Final

BOUNDS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}
VALUES: Final = frozenset({"default", "enum", "const", "examples", "required"})
NAMED: Final = frozenset({"properties", "definitions"})


def with_hover_texts(schema: Any) -> Any:
    r"""The schema with a `markdownDescription` for every value that has a default or bounds.

    >>> with_hover_texts({"description": "Rank.", "type": "integer", "minimum": 1, "default": 16})["markdownDescription"]
    'Rank.\n\nDefault `16`, at least `1`.'
    """
    if not isinstance(schema, dict):
        return [with_hover_texts(item) for item in schema] if isinstance(schema, list) else schema
    out = {
        key: value if key in VALUES else _named(value) if key in NAMED else with_hover_texts(value)
        for key, value in schema.items()
    }
    facts = _facts(schema)
    # What a reference points to must not bring such a text: it would hide the description written beside the reference.
    if facts and "description" in schema and "properties" not in schema:
        out["markdownDescription"] = f"{schema['description']}\n\n{facts[0].upper()}{facts[1:]}."
    return out


def _named(schemas: dict[str, Any]) -> dict[str, Any]:
    return {name: with_hover_texts(schema) for name, schema in schemas.items()}


def _facts(schema: dict[str, Any]) -> str:
    default = schema.get("default")
    shown = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
    # A mapping's defaults are told with its keys.
    known = (
        [f"default `{shown}`"]
        if default not in (None, "", []) and not isinstance(default, dict)
        else []
    )
    return ", ".join(
        [*known, *(f"{words} `{schema[key]}`" for key, words in BOUNDS.items() if key in schema)]
    )
