"""Options of a component by their path: read, put in and taken out, nothing changed in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Path = tuple[str, ...]


def at(options: Any, path: Path) -> Any:
    """The value at a path; None if there is none.

    >>> at({"pretrain": {"source": "problems"}}, ("pretrain", "source"))
    'problems'
    """
    value = options
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def with_value(options: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Options with a value put at a path.

    >>> with_value({"pretrain": {"examples": 3}}, ("pretrain", "source"), "problems")
    {'pretrain': {'examples': 3, 'source': 'problems'}}
    """
    first, *rest = path
    if rest:
        value = with_value(options.get(first, {}), tuple(rest), value)
    return {**options, first: value}


def without(options: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Options less what is at a path.

    >>> without({"pretrain": {"source": "problems", "examples": 3}}, ("pretrain", "source"))
    {'pretrain': {'examples': 3}}
    """
    first, *rest = path
    kept = {key: value for key, value in options.items() if key != first}
    if rest:
        kept[first] = without(options[first], tuple(rest))
    return kept
