"""Word problems: what a solution computes is right, and it says its final answer as it is marked."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from dataenvgym_spec.gym.tasks.sources.stories import STORIES
from dataenvgym_spec.records.items import Item
from tests.support.golden import assert_golden, component, make
from tests.support.scoring import right

FAMILIES = {story: {"story": story, "largest": 12} for story in STORIES}


def drawn(count: int = 40, **options: Any) -> list[Item]:
    """Problems of every story."""
    described = component("source", "word-problems", **{"steps": True, "mark": "hashes"} | options)
    made = make("source", {**described, "families": FAMILIES})
    return [item for group in made.groups() for item in islice(made.stream(group, 3), count)]


def test_the_source_makes_what_its_number_says() -> None:
    made = [item.row() for item in drawn(count=8)]
    made += [item.row() for item in drawn(count=2, steps=False, mark="box")]
    assert_golden("source", "word-problems", {1: "aa19e3a458b4a8e1"}, made)


def test_every_step_is_right_and_goes_on_with_the_one_before() -> None:
    for item in drawn():
        *steps, last = item.target.split("\n")
        results = [_result(step) for step in steps]
        assert len(steps) == 2 and last == f"#### {results[-1]}" == f"#### {item.golds[0]}"
        assert str(results[0]) in steps[1].split(" = ")[0].split(), item.target
        assert int(item.golds[0]) >= 0


def _result(step: str) -> int:
    """What a step comes to, if it is right."""
    computed, _, result = step.partition(" = ")
    one, sign, other = computed.split()
    by_sign: dict[str, Any] = {
        "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": Fraction,
    }  # fmt: skip
    assert by_sign[sign](int(one), int(other)) == int(result), step
    return int(result)


@pytest.mark.parametrize(
    ("scorer", "options"),
    [("gsm8k", {}), ("math-verify", {}), ("boxed", {"mark": "box"}), ("gsm8k", {"steps": False})],
)
def test_the_final_answer_of_a_solution_is_judged(scorer: str, options: dict[str, Any]) -> None:
    items = drawn(count=4, **options)
    assert all(right(scorer, item.golds[0], item.target) for item in items)
    wrong = [str(int(item.golds[0]) + 1) for item in items]
    texts = [item.target.replace(item.golds[0], other) for item, other in _pairs(items, wrong)]
    assert not any(right(scorer, item.golds[0], text) for item, text in _pairs(items, texts))


def _pairs(items: Sequence[Item], others: Sequence[str]) -> list[tuple[Item, str]]:
    return list(zip(items, others, strict=True))


def test_a_problem_on_the_same_numbers_is_in_the_same_cluster() -> None:
    items = drawn(count=400)
    by_cluster: dict[str, set[str]] = {}
    for item in items:
        by_cluster.setdefault(item.cluster, set()).add(item.golds[0])
    assert {len(answers) for answers in by_cluster.values()} == {1}
    assert len(by_cluster) < len({item.id for item in items})
