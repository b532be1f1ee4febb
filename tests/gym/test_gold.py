"""Gold skills."""

from __future__ import annotations

from pathlib import Path

from tests.support.golden import assert_golden, component, items, make


def test_the_discovery_gold_makes_what_its_number_says(tmp_path: Path) -> None:
    made = make("discovery", component("discovery", "gold")).discover(items())
    assert_golden("discovery", "gold", {1: "ca0f72d0141352e0"}, made.items)
