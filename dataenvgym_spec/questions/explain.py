"""Questions about a resolved experiment: who set a value, and what the whole came to. Pure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

import msgspec

from dataenvgym_spec.compile.lower.index import question
from dataenvgym_spec.core.errors import Span
from dataenvgym_spec.language.source import Json, Node
from dataenvgym_spec.resolve.arms import DEFAULT_ARM, Arm, Resolved
from dataenvgym_spec.resolve.files import File
from dataenvgym_spec.resolve.merge import KeyPath, difference

LayerEffect = Literal["holds", "overridden", "removes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerValue:
    """What one layer says about a path; `span` is where."""

    layer: str
    span: Span
    value: Json
    effect: LayerEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A value and who set it, the strongest first.

    Without a layer that set it, it is a default of the language or of the component.
    """

    path: KeyPath
    value: Json
    layers: tuple[LayerValue, ...]


def explain(arm: Arm, path: KeyPath) -> tuple[Explanation, ...]:
    """Who set the value at a path, or each value below it. Empty if there is no such value."""
    explanations = []
    for leaf, value in leaves(plain(arm)):
        if leaf[: len(path)] == path:
            layers = _layers(arm, leaf)
            explanations.append(Explanation(path=leaf, value=value, layers=layers))
    return tuple(explanations)


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
    whole: dict[str, Any] = _without_unset(msgspec.to_builtins(arm.experiment))
    for options in whole["agent"]["checks"].values():
        options.pop("kind", None)  # a spec says it as the check's name
    for split in whole["task"]["splits"].values():
        # Both are those of the other role, and a spec may not repeat them.
        if "same_as" in split:
            del split["from"], split["draw"]
    for path, file in arm.references.items():
        holder: Any = whole
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = _reference(arm, path, file, folder)
    return whole


def _reference(arm: Arm, path: tuple[str | int, ...], file: File, folder: str) -> Json:
    """How a spec in a folder names a file."""
    if file.path:
        return os.path.relpath(file.path, folder or ".")
    return arm.node.at(path).plain()


def resolved(spec: Resolved, *, arm: str | None = None) -> dict[str, Json]:
    """A spec in full, as a mapping that compiles to the same keys.

    It is the first arm, and how the others differ from it.

    Args:
        spec: the experiment.
        arm: only this arm.
    """
    folder = str(PurePath(spec.path).parent)
    chosen = [item for item in spec.arms if arm in (None, item.name)]
    names = {item.name for item in chosen}
    documents = [_with_contrasts(plain(item, folder=folder), names, spec) for item in chosen]
    first, name = documents[0], chosen[0].name
    if name == DEFAULT_ARM and len(chosen) == 1:
        return first
    arms: dict[str, Json] = {name: {}}
    for item, whole in zip(chosen[1:], documents[1:], strict=True):
        arms[item.name] = difference(first, whole)
    return {**first, "arms": arms}


def _with_contrasts(whole: dict[str, Json], names: set[str], spec: Resolved) -> dict[str, Json]:
    """A document with only those contrasts whose arms are part of it."""
    analysis: Any = whole["analysis"]
    every = {arm.name for arm in spec.arms}
    rows = zip(analysis["contrasts"], spec.base.analysis.contrasts, strict=True)
    kept = []
    for row, contrast in rows:
        asked = question(contrast, every)
        if {asked.arm, asked.against} <= names:
            kept.append(row)
    analysis["contrasts"] = kept
    return whole


def _without_unset(value: Any) -> Any:
    """Leaves out what is not set: a record's None is a key that is left out."""
    if not isinstance(value, dict):
        return value
    return {key: _without_unset(item) for key, item in value.items() if item is not None}


def _layers(arm: Arm, path: KeyPath) -> tuple[LayerValue, ...]:
    """Walks the layers from the strongest down.

    Once one holds or replaces what is below, the others are overridden.
    """
    values: list[LayerValue] = []
    for layer in reversed(arm.layers):
        node, exact = _find(layer.tree, path)
        if node is None:
            continue
        effect: LayerEffect = "overridden"
        if not values:
            # A value that ends the path on the way (`observe: nothing`) removes what is below it.
            effect = "holds" if exact and node.value is not None else "removes"
        value = LayerValue(layer=layer.name, span=node.span, value=node.plain(), effect=effect)
        values.append(value)
    return tuple(values)


def _find(tree: Node, path: KeyPath) -> tuple[Node | None, bool]:
    """The node at a path, or the one that ends it on the way (`null`, or no mapping).

    Returns:
        The node, and whether it is at the whole path.
    """
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
