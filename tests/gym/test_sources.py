"""What each source gives: its items, to the byte."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from dataenvgym_spec.language.components import definition
from tests.support.golden import FIELDS, ROWS, assert_golden, component, families, make


def _stream(made: Any) -> list[Any]:
    return [
        [group, [item.row() for item in islice(made.stream(group, 11), 25)]]
        for group in made.groups()
    ]


def _jsonl(shop: Path) -> Any:
    path = shop / "rows.jsonl"
    path.write_text(
        "\n".join(json.dumps(row) for row in [*ROWS, ROWS[0]]) + "\n\n", encoding="utf-8"
    )
    described = component("source", "jsonl", fields=FIELDS, path="sha256:x")
    return _stream(make("source", described, {"sha256:x": path}))


def _hub(_shop: Path) -> Any:
    """Items from the rows that the library gives; which rows it gives is the pinned commit's business."""
    loaded = definition("source", "hub").load()

    class Listed(loaded):  # type: ignore[misc, valid-type]
        def _rows(self, *_: Any) -> Any:
            return iter(ROWS)

    return _stream(
        Listed(
            id="a/b",
            revision="0" * 40,
            configs="all",
            split="train",
            fields={**FIELDS, "group": "c"},
        )
    )


def test_the_source_reasoning_gym_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _stream(make("source", families()))
    assert_golden("source", "reasoning-gym", {2: "b39d54f52cf1a94e"}, made)


def test_the_source_jsonl_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _jsonl(tmp_path)
    assert_golden("source", "jsonl", {2: "8f6b7de44ee25a5b"}, made)


def test_the_source_hub_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _hub(tmp_path)
    assert_golden("source", "hub", {2: "173b6b65ecf302c9"}, made)
