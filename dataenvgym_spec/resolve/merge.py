"""Merging positioned trees, and the inverse of it. Pure; where trees come from is in `extends`, `matrix` and `setting`.

Mappings merge deep, lists replace, another `kind` replaces the mapping, `null` removes a key. A mapping that is a choice of
one key (`draw`, `length`) is replaced whole, as `kind` replaces, because two choices cannot both hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from dataenvgym_spec.core.errors import Span
from dataenvgym_spec.language.source import Json, Node

Path = tuple[str, ...]

CHOICES: Final = {
    "draw": frozenset({"per_group", "items"}),
    "length": frozenset({"steps", "epochs"}),
}
LONGEST_PATH: Final = 32
NOTHING: Final = Node(value=None, span=Span(file="", line=1, column=1, end_column=1))
_STEP: Final = re.compile(r'"([^"]+)"|([^."]+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What one writer says: a file, a point of the matrix, an arm, or the command line. Later layers win."""

    name: str
    tree: Node


def merge(below: Node, above: Node, *, removes: bool = True) -> Node:
    """Merges an override into a tree. What is untouched stays the same object.

    Args:
        below: a tree.
        above: what wins over it.
        removes: whether `null` removes a key; if not it is kept, so that two overrides become one.
    """
    if (
        not isinstance(below.value, dict)
        or not isinstance(above.value, dict)
        or replaces(below.value, above.value)
    ):
        return _settled(above) if removes else above
    out = dict(below.value)
    for key, value in above.value.items():
        if value.value is None and removes:
            out.pop(key, None)
        else:
            kept = key in out and not is_choice(key, out[key].value, value.value)
            out[key] = merge(out[key] if kept else NOTHING, value, removes=removes)
    return replace(below, value=out)


def is_choice(key: str, below: object, above: object) -> bool:
    """Whether two values of a key are choices of one key each, by what they hold: an arm may be called `length` too."""
    choices = CHOICES.get(key)
    return (
        choices is not None
        and isinstance(below, dict)
        and isinstance(above, dict)
        and choices.issuperset({*below, *above})
    )


def _settled(node: Node) -> Node:
    """A value that meets nothing below it: its `null`s have nothing to remove."""
    if not isinstance(node.value, dict) or not _has_null(node.value):
        return node
    return replace(
        node,
        value={
            key: _settled(child) for key, child in node.value.items() if child.value is not None
        },
    )


def _has_null(mapping: dict[str, Node]) -> bool:
    return any(
        child.value is None or (isinstance(child.value, dict) and _has_null(child.value))
        for child in mapping.values()
    )


def joined(overrides: Iterable[Node]) -> Node:
    """Several overrides as one; a later one wins."""
    return reduce(lambda below, above: merge(below, above, removes=False), overrides)


def replaces(below: dict[str, Node], above: dict[str, Node]) -> bool:
    """Whether a mapping takes the place of another instead of being merged into it: it is of another `kind`."""
    return (
        "kind" in below
        and "kind" in above
        and above["kind"].value not in (None, below["kind"].value)
    )


def difference(below: Json, above: Json) -> Json:
    """The override that turns one tree into another: merged onto `below` it gives `above`.

    >>> difference({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 2, "d": 4}})
    {'a': None, 'b': {'d': 4}}
    """
    if (
        not isinstance(below, dict)
        or not isinstance(above, dict)
        or len({*map(str, (below.get("kind"), above.get("kind")))} - {"None"}) > 1
    ):
        return above
    out: dict[str, Json] = {key: None for key in below if key not in above}
    for key, value in above.items():
        if key not in below or (value != below[key] and is_choice(key, below[key], value)):
            out[key] = value
        elif value != below[key]:
            out[key] = difference(below[key], value)
    return out


def without(tree: Node, *keys: str) -> Node:
    """A mapping without some of its keys."""
    assert isinstance(tree.value, dict)
    return replace(tree, value={key: value for key, value in tree.value.items() if key not in keys})


def parse_path(text: str) -> Path | None:
    """A path such as `student.train.learning_rate`; a key that holds a dot is quoted. None if it is no path.

    >>> parse_path('task.sources."v1.0".path')
    ('task', 'sources', 'v1.0', 'path')
    """
    steps = tuple(quoted or plain for quoted, plain in _STEP.findall(text))
    return steps if 0 < len(steps) <= LONGEST_PATH and show_path(steps) == text else None


def show_path(path: Path) -> str:
    """A path as it is written.

    >>> show_path(("task", "sources", "v1.0"))
    'task.sources."v1.0"'
    """
    return ".".join(f'"{step}"' if "." in step else step for step in path)


def planted(path: Path, value: Node, key: Span) -> Node:
    """A tree that holds one value at a path; every key on the way was written at `key`."""
    tree = replace(value, key=key)
    for step in reversed(path):
        tree = Node(value={step: tree}, span=value.span, key=key)
    return tree
