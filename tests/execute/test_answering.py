"""Evaluations that several processes share: each asks whole groups, and together they write what one writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.hashing import text_digest
from dataenvgym_spec.execute import answering
from dataenvgym_spec.execute.answering import cut
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.execute.shards.run import make_shard
from dataenvgym_spec.gym.students.backends.protocol import Completion
from tests.support.golden import TEMPLATE, Workshop, component

SIZE = 3


class Grouping:
    """A student whose answer depends on what it is batched with, and that keeps what it was asked."""

    device = "cpu"

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []
        self.loads = 0

    def taken(self) -> list[str]:
        """All that it was asked since the last call, in an order of its own."""
        prompts = [str(prompt) for call in self.asked for prompt in call]
        self.asked.clear()
        return sorted(prompts)

    def loaded(self, *_: object, **__: object) -> Grouping:
        self.loads += 1
        return self

    def groups(self, prompts: Sequence[Any]) -> list[list[int]]:
        order = sorted(range(len(prompts)), key=lambda place: len(str(prompts[place])))
        return [order[start : start + SIZE] for start in range(0, len(order), SIZE)]

    def generate(self, prompts: Sequence[Any], seeds: Sequence[int] = ()) -> list[Completion]:
        self.asked.append(list(prompts))
        drawn = list(seeds) or [0] * len(prompts)
        texts: dict[int, str] = {}
        for group in self.groups(prompts):
            beside = text_digest(str([(str(prompts[place]), drawn[place]) for place in group]))
            texts |= {place: f"{beside[:8]} {drawn[place] % 7}" for place in group}
        return [
            Completion(text=texts[place], tokens=2, prompt_tokens=1, truncated=False)
            for place in range(len(prompts))
        ]


@pytest.fixture
def student(monkeypatch: pytest.MonkeyPatch) -> Grouping:
    made = Grouping()
    monkeypatch.setattr(answering, "load_backend", made.loaded)
    return made


def params(**more: Any) -> dict[str, Any]:
    generate = {"dtype": "float32", "backend": "transformers", "max_new_tokens": 2}
    return {
        "splits": ["selection"],
        "generate": {**generate, "batch_size": SIZE, **more.pop("generate", {})},
        "template": TEMPLATE,
        "score": component("scorer", "exact-match"),
        **more,
    }


READS = (("student", "selection", "selection"), ("items", "selection", "selection"))
DRAWN = {"temperature": 0.7, "samples": 2}


@pytest.mark.parametrize(
    "given",
    [{}, {"generate": DRAWN, "seed": 3}, {"salt": 1}, {"generate": DRAWN, "seed": 3, "salt": 2}],
    ids=["greedy", "drawn", "salted", "drawn-and-salted"],
)
@pytest.mark.parametrize("count", [2, 3, 7])
def test_shards_together_write_what_one_process_writes(
    student: Grouping, tmp_path: Path, given: dict[str, Any], count: int
) -> None:
    shop = Workshop(tmp_path)
    shop.data("selection")
    whole = shop.run("whole", "evaluate", params(**given), READS)
    asked = student.taken()

    shards = Shards(folder=tmp_path / "shards", key="key-of-shared", inputs={"in": "1"})
    for number in range(1, count + 1):
        make_shard(
            shop.context("shared", "evaluate", params(**given), READS),
            shards,
            Part(number=number, count=count),
        )
    assert student.taken() == asked, "each is asked once"
    loads = student.loads
    shared = shop.run("shared", "evaluate", params(**given), READS, shards=shards)
    assert student.loads == loads, "nothing is left to be asked"
    assert rows(shared) == rows(whole)
    log = shop.contexts["shared"]
    assert log.facts["shards"] == count and log.facts["device"] == "cpu"
    assert log.elsewhere > 0 and log.seconds["generate"] >= 0


def test_what_a_shard_lacks_is_asked_beside_the_same_prompts(
    student: Grouping, tmp_path: Path
) -> None:
    shop = Workshop(tmp_path)
    shop.data("selection")
    whole = shop.run("whole", "evaluate", params(), READS)
    shards = Shards(folder=tmp_path / "shards", key="key-of-shared", inputs={})
    for number in (1, 2, 3):
        part = Part(number=number, count=3)
        make_shard(shop.context("shared", "evaluate", params(), READS), shards, part)
    damaged = shards.path(Part(number=2, count=3))
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"}]")
    student.asked.clear()
    shared = shop.run("shared", "evaluate", params(), READS, shards=shards)
    assert rows(shared) == rows(whole)
    (again,) = student.asked
    assert 0 < len(again) < len(rows(whole).splitlines())
    assert "  shard 2-of-3 is not used: it is damaged" in shop.said


def test_shards_get_groups_in_turn_also_over_lists() -> None:
    lists = [[[number]] for number in range(7)]
    got = [cut(lists, Part(number=number, count=3)) for number in (1, 2, 3)]
    assert [[place for part in one for place in part] for one in got] == [[0, 3, 6], [1, 4], [2, 5]]


def rows(out: Path) -> str:
    return (out / "selection" / "results.jsonl").read_text(encoding="utf-8")
