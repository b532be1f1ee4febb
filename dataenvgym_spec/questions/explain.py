"""Questions about a resolved experiment: who set a value, and what the whole came to. Pure; text is made in `cli`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

import msgspec

from dataenvgym_spec.core.errors import Span
from dataenvgym_spec.language.source import Json, Node
from dataenvgym_spec.resolve.arms import DEFAULT_ARM, Arm, Resolved
from dataenvgym_spec.resolve.merge import KeyPath, difference

Effect = Literal["holds", "overridden", "removes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one layer says about a path; `span` is where."""

    layer: str
    span: Span
    value: Json
    effect: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A value and who set it, the strongest first. Nobody: it is a default of the language or of the component."""

    path: KeyPath
    value: Json
    said: tuple[Said, ...]


def explain(arm: Arm, path: KeyPath) -> tuple[Explanation, ...]:
    """Who set the value at a path, or each value below it. Empty if there is no such value."""
    whole = plain(arm)
    return tuple(
        Explanation(path=leaf, value=value, said=_said(arm, leaf))
        for leaf, value in leaves(whole)
        if leaf[: len(path)] == path
    )


def leaves(value: Json, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Json]]:
    """All values that are no mapping, with their paths; a list counts as one value.

    >>> list(leaves({"a": {"b": 1}, "c": [2]}))
    [(('a', 'b'), 1), (('c',), [2])]
    """
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from leaves(child, (*path, key))
    else:
        yield path, value


def plain(arm: Arm, *, folder: str = "") -> dict[str, Json]:
    """One arm as a spec would say it in full: merged, defaults filled in, files by path.

    Args:
        arm: the arm.
        folder: what the paths of files are relative to (default: the repository).
    """
    whole: dict[str, Any] = _told(msgspec.to_builtins(arm.experiment))
    whole["agent"]["checks"] = {
        name: {key: value for key, value in options.items() if key != "kind"}
        for name, options in whole["agent"]["checks"].items()
    }
    for split in whole["task"]["splits"].values():
        if "same_as" in split:
            del split["from"], split["draw"]
    for path, file in arm.references.items():
        holder: Any = whole
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = (
            os.path.relpath(file.path, folder or ".") if file.path else arm.node.at(path).value
        )
    return whole


def resolved(spec: Resolved, *, arm: str | None = None) -> dict[str, Json]:
    """A spec in full, as a mapping that compiles to the same keys: the first arm, and how the others differ from it.

    Args:
        spec: the experiment.
        arm: only this arm.
    """
    folder = str(PurePath(spec.path).parent)
    chosen = [item for item in spec.arms if arm in (None, item.name)]
    names = {item.name for item in chosen}
    first, *others = ((item.name, plain(item, folder=folder)) for item in chosen)
    for _, whole in (first, *others):
        contrasts: Any = whole["analysis"]
        contrasts["contrasts"] = [
            row for row in contrasts["contrasts"] if {row["arm"], row["against"]} <= names
        ]
    if first[0] == DEFAULT_ARM and not others:
        return first[1]
    return {
        **first[1],
        "arms": {first[0]: {}, **{name: difference(first[1], whole) for name, whole in others}},
    }


def _told(value: Any) -> Any:
    """Without what is not set: a record's None is a key that is left out."""
    return (
        {key: _told(item) for key, item in value.items() if item is not None}
        if isinstance(value, dict)
        else value
    )


def _said(arm: Arm, path: KeyPath) -> tuple[Said, ...]:
    """Walks the layers from the strongest down; once one holds or replaces what is below, the others are overridden."""
    out: list[Said] = []
    decided = False
    for layer in reversed(arm.layers):
        node, exact = _find(layer.tree, path)
        if node is None:
            continue
        # A value that ends the path on the way (`observe: nothing`) takes away what is below it.
        effect: Effect = (
            "overridden" if decided else "holds" if exact and node.value is not None else "removes"
        )
        out.append(Said(layer=layer.name, span=node.span, value=node.plain(), effect=effect))
        decided = True
    return tuple(out)


def _find(tree: Node, path: KeyPath) -> tuple[Node | None, bool]:
    """The node at a path, or the one on the way that ends it (`null`, or no mapping); whether it is the whole path."""
    node = tree
    for index, step in enumerate(path):
        if not isinstance(node.value, dict):
            return node, False
        if step not in node.value:
            return None, False
        node = node.value[step]
        if node.value is None:
            return node, index == len(path) - 1
    return node, True
