"""`same_as`: one split in two roles, possible only by saying so.

The roles stay apart; only the items are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node

Split = Mapping[str, Any]
T = TypeVar("T")


def check(tree: Node) -> Iterator[Diagnostic]:
    """What is wrong with the `same_as` of a merged tree that fits the schema."""
    splits = tree.at(("task", "splits")).value
    assert isinstance(splits, dict)
    for role, split in _of_roles(splits).items():
        node = split.find("same_as")
        if node is None:
            continue
        other = splits[str(node.value)]
        if node.value == role or other.find("same_as") is not None:
            message = f"'{role}' cannot be the same as '{node.value}'"
            yield node.fault("E204", message, "name a split that draws its own items")
        for key in ("draw", "from", "share"):
            own = split.find(key)
            if own is not None:
                message = f"'{role}' is the same as '{node.value}', so '{key}' has no meaning"
                yield own.key_fault("E204", message, f"remove '{key}' or 'same_as'")


def _of_roles(splits: Mapping[str, T]) -> dict[str, T]:
    """The splits by role, without other test sets."""
    return {role: split for role, split in splits.items() if role != "probes"}


def filled(splits: Mapping[str, Split]) -> dict[str, Split]:
    """The splits with what a `same_as` stands for."""
    whole = dict(splits)
    for role, split in _of_roles(splits).items():
        shared: dict[str, Any] = {}
        if "same_as" in split:
            other = splits[split["same_as"]]
            shared = {"from": other["from"], "draw": other["draw"]}
        whole[role] = {**shared, **split}
    return whole


def stamps(splits: Mapping[str, Split]) -> list[str]:
    """What every report of such an experiment must say."""
    return [
        f"{role} and {split['same_as']} are the same items"
        for role, split in _of_roles(splits).items()
        if split.get("same_as")
    ]
