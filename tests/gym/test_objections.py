"""What each check objects to, of fixed candidates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataenvgym_spec.gym.checks.protocol import Sight
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.items import Item
from dataenvgym_spec.records.splits import Kept, Reserve
from tests.support.golden import assert_golden, component, items, make


def _objections(kind: str, **options: Any) -> Callable[[Path], Any]:
    def case(_shop: Path) -> Any:
        made = make("check", component("check", kind, **options))
        several = items()
        wrong = [Item(**{**item.row(), "target": f"{item.target}1"}) for item in several[::3]]
        blank = Item(**{**several[0].row(), "target": ""})
        reserve = Reserve(
            seed=3,
            roles={
                "test": Kept(lane=(0.0, 0.3)),
                "feedback": Kept(items=tuple(sorted(item.id for item in several[5:9]))),
            },
        )
        asked = [*several, *wrong, blank]
        answers = {(item.id, item.target): number % 2 == 0 for number, item in enumerate(asked)}
        judge = make("scorer", component("scorer", "reasoning-gym"))
        sight = Sight(
            scorer=judge,
            accepted={item.id: item.input for item in several[::4]},
            reserve=reserve,
            answers=answers,
        )
        return made.objections([Example.of(item, item.group) for item in asked], sight)

    return case


def test_the_check_scorable_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _objections("scorable")(tmp_path)
    assert_golden("check", "scorable", {1: "cd8173a4a69a47ec"}, made)


def test_the_check_duplicate_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _objections("duplicate")(tmp_path)
    assert_golden("check", "duplicate", {1: "d4cf73231f7d0d0a"}, made)


def test_the_check_known_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _objections("known")(tmp_path)
    assert_golden("check", "known", {1: "76aff274b2755976"}, made)


def test_the_check_overlap_makes_what_its_number_says(tmp_path: Path) -> None:
    made = _objections("overlap", against=["test", "feedback"])(tmp_path)
    assert_golden("check", "overlap", {2: "e88ec81415823bc1"}, made)
