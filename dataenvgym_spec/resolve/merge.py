"""Merging positioned trees, and the inverse of it.

Pure; trees come from `extends`, `matrix` and `overrides`. Mappings merge deep, lists replace,
another `kind` replaces the mapping, `null` removes a key. A mapping that is a choice of one key
(`draw`, `length`) is replaced whole, as `kind` replaces, because two choices cannot both hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Final

from dataenvgym_spec.core.errors import Span
from dataenvgym_spec.language.source import Json, Node

KeyPath = tuple[str, ...]
"""The keys that lead to a value, as in `student.train.learning_rate`."""

CHOICES: Final = {
    "draw": frozenset({"per_group", "items"}),
    "length": frozenset({"steps", "epochs"}),
}
LONGEST_PATH: Final = 32
NOTHING: Final = Node(value=None, span=Span(file="", line=1, column=1, end_column=1))
_STEP: Final = re.compile(r'"([^"]+)"|([^."]+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One writer's part of a spec: a file, a point of the matrix, an arm or the command line.

    Later layers win.
    """

    name: str
    tree: Node


def merge(below: Node, above: Node, *, removes: bool = True) -> Node:
    """Merges an override into a tree. What is untouched stays the same object.

    Args:
        below: a tree.
        above: what wins over it.
        removes: whether `null` removes a key; if not it is kept, so that two overrides become one.
    """
    mappings = isinstance(below.value, dict) and isinstance(above.value, dict)
    # Two overrides that become one keep their nulls: those remove keys of the tree below.
    if not mappings or replaces(below, above):
        return _settled(above) if removes else above
    assert isinstance(below.value, dict) and isinstance(above.value, dict)
    merged = dict(below.value)
    for key, value in above.value.items():
        if value.value is None and removes:
            merged.pop(key, None)
            continue
        # A new key is merged too, into nothing: its nulls have to go.
        base = merged.get(key, NOTHING)
        if is_choice(key, base.value, value.value):
            base = NOTHING
        merged[key] = merge(base, value, removes=removes)
    return replace(below, value=merged)


def is_choice(key: str, below: object, above: object) -> bool:
    """Whether two values of a key are choices of one key each.

    Their keys decide it, since an arm may be called `length` too.
    """
    choices = CHOICES.get(key)
    if choices is None or not isinstance(below, dict) or not isinstance(above, dict):
        return False
    return choices.issuperset({*below, *above})


def _settled(node: Node) -> Node:
    """Drops nulls from a value with nothing to merge into."""
    if not isinstance(node.value, dict) or not _has_null(node):
        return node
    settled = {}
    for key, child in node.value.items():
        if child.value is not None:
            settled[key] = _settled(child)
    return replace(node, value=settled)


def _has_null(node: Node) -> bool:
    if isinstance(node.value, dict):
        return any(map(_has_null, node.value.values()))
    return node.value is None


def joined(overrides: Iterable[Node]) -> Node:
    """Several overrides as one; a later one wins."""
    return reduce(lambda below, above: merge(below, above, removes=False), overrides)


def replaces(below: Node, above: Node) -> bool:
    """Whether a mapping replaces another instead of merging into it: it is of another `kind`."""
    old, new = below.find("kind"), above.find("kind")
    if old is None or new is None or new.value is None:
        return False
    return new.value != old.value


def difference(below: Json, above: Json) -> Json:
    """The override that turns one tree into another: merged onto `below` it gives `above`.

    >>> difference({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 2, "d": 4}})
    {'a': None, 'b': {'d': 4}}
    """
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    kinds = {str(mapping["kind"]) for mapping in (below, above) if mapping.get("kind") is not None}
    if len(kinds) > 1:
        return above
    override: dict[str, Json] = {key: None for key in below if key not in above}
    for key, value in above.items():
        if key not in below:
            override[key] = value
        elif value != below[key]:
            whole = is_choice(key, below[key], value)
            override[key] = value if whole else difference(below[key], value)
    return override


def without(tree: Node, *keys: str) -> Node:
    """A mapping without some of its keys."""
    assert isinstance(tree.value, dict)
    kept = {key: value for key, value in tree.value.items() if key not in keys}
    return replace(tree, value=kept)


def parse_path(text: str) -> KeyPath | None:
    """A path such as `student.train.learning_rate`; None if the text is not one.

    A key with a dot in it is quoted.

    >>> parse_path('task.sources."v1.0".path')
    ('task', 'sources', 'v1.0', 'path')
    """
    steps = tuple(quoted or plain for quoted, plain in _STEP.findall(text))
    if not 0 < len(steps) <= LONGEST_PATH:
        return None
    # Whatever the pattern skipped, such as an empty key, is missing here.
    return steps if show_path(steps) == text else None


def show_path(path: KeyPath) -> str:
    """A path in the form that `parse_path` reads.

    >>> show_path(("task", "sources", "v1.0"))
    'task.sources."v1.0"'
    """
    return ".".join(map(_shown_step, path))


def _shown_step(step: str) -> str:
    return f'"{step}"' if "." in step else step


def planted(path: KeyPath, value: Node, key: Span) -> Node:
    """A tree with one value at a path; every key on the way gets the place `key`."""
    tree = replace(value, key=key)
    for step in reversed(path):
        tree = Node(value={step: tree}, span=value.span, key=key)
    return tree
