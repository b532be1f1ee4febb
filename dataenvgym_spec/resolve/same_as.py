"""`same_as`: one split in two roles, possible only by saying so. The roles stay apart; only the items are the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataenvgym_spec.core.errors import Diagnostic
from dataenvgym_spec.language.source import Node


def check(tree: Node) -> Iterator[Diagnostic]:
    """What is wrong with the `same_as` of a merged tree that fits the schema."""
    splits = tree.at(("task", "splits")).value
    assert isinstance(splits, dict)
    for role, split in splits.items():
        assert isinstance(split.value, dict)
        if "same_as" not in split.value:
            continue
        node = split.value["same_as"]
        other = splits[str(node.value)].value
        if node.value == role or (isinstance(other, dict) and "same_as" in other):
            yield node.fault(
                "E204",
                f"'{role}' cannot be the same as '{node.value}'",
                "name a split that draws its own items",
            )
        for key in sorted({"from", "draw", "share"} & set(split.value)):
            message = f"'{role}' is the same as '{node.value}', so '{key}' has no meaning"
            yield split.value[key].key_fault("E204", message, f"remove '{key}' or 'same_as'")


def filled(splits: dict[str, Any]) -> dict[str, Any]:
    """The splits with what a `same_as` stands for."""

    def whole(split: dict[str, Any]) -> dict[str, Any]:
        return (
            {**{key: splits[split["same_as"]][key] for key in ("from", "draw")}, **split}
            if "same_as" in split
            else split
        )

    return {role: whole(split) for role, split in splits.items()}


def stamps(splits: dict[str, Any]) -> list[str]:
    """What every report of such an experiment must say."""
    return [
        f"{role} and {split['same_as']} are the same items"
        for role, split in splits.items()
        if split.get("same_as")
    ]
