"""JSON Schemas of actions in one state: closed, so that whoever writes by them can write no other.

Not an environment itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}


def closed(properties: Mapping[str, Shape], words: str = "") -> Shape:
    """A mapping with these keys, all of them and no others.

    >>> closed({"a": TEXT})["required"]
    ['a']
    """
    shape: Shape = {"type": "object", "description": words} if words else {"type": "object"}
    shape["properties"] = dict(properties)
    return {**shape, "required": list(properties), "additionalProperties": False}


def each(names: Iterable[str], shape: Shape, words: str = "") -> Shape:
    """The same for each of some names."""
    return closed(dict.fromkeys(names, shape), words)


def whole(least: int, most: int, words: str = "") -> Shape:
    """A whole number within bounds."""
    bounds: Shape = {"type": "integer", "minimum": least, "maximum": most}
    return {**bounds, "description": words} if words else bounds


def one_of(values: Sequence[str]) -> Shape:
    """One of some texts."""
    return {"type": "string", "enum": list(values)}


def listed(shape: Shape, least: int, most: int, words: str = "") -> Shape:
    """A list of bounded length."""
    bounds: Shape = {"type": "array", "items": shape, "minItems": least, "maxItems": most}
    return {**bounds, "description": words} if words else bounds
