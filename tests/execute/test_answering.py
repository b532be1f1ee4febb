"""Evaluations that several processes share: each asks whole groups, and together they write what one writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.hashing import text_digest
from dataenvgym_spec.execute import answering
from dataenvgym_spec.execute.answering import cut
from dataenvgym_spec.execute.shards import keeping
from dataenvgym_spec.execute.shards.kept import Shards
from dataenvgym_spec.execute.shards.part import Part
from dataenvgym_spec.execute.shards.run import make_shard
from dataenvgym_spec.gym.students.backends.protocol import Completion
from tests.support.clocks import Time
from tests.support.golden import TEMPLATE, Workshop, component

SIZE = 3


class Grouping:
    """A student whose answer depends on what it is batched with, and that keeps what it was asked.

    Attributes:
        calls: after how many further ones the power is cut.
        meanwhile: what happens while it answers.
    """

    device = "cpu"

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []
        self.loads = 0
        self.calls: int | None = None
        self.meanwhile: Callable[[], object] = lambda: None

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
        if self.calls is not None:
            if not self.calls:
                raise Power
            self.calls -= 1
        self.meanwhile()
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
    again = student.taken()
    assert 0 < len(again) < len(rows(whole).splitlines())
    assert "  shard 2-of-3 is not used: it is damaged" in shop.said


def test_shards_get_groups_in_turn_also_over_lists() -> None:
    lists = [[[number]] for number in range(7)]
    got = [cut(lists, Part(number=number, count=3)) for number in (1, 2, 3)]
    flat = [[place for part in one for group in part for place in group] for one in got]
    assert flat == [[0, 3, 6], [1, 4], [2, 5]]


class Power(BaseException):
    """It is cut."""


@pytest.mark.parametrize(
    "given",
    [{}, {"generate": DRAWN, "seed": 3}, {"salt": 1}, {"generate": DRAWN, "seed": 3, "salt": 2}],
    ids=["greedy", "drawn", "salted", "drawn-and-salted"],
)
def test_an_evaluation_that_was_killed_goes_on_and_writes_the_same(
    student: Grouping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    shop = Workshop(tmp_path)
    shop.data("selection")
    whole = shop.run("whole", "evaluate", params(**given), READS)
    asked = student.taken()

    monkeypatch.setenv("DATAENVGYM_CHECKPOINT_SECONDS", "0")
    kept = Shards(folder=tmp_path / "kept", key="key-of-killed", inputs={"in": "1"})
    student.calls = 2
    with pytest.raises(Power):
        shop.run("killed", "evaluate", params(**given), READS, kept=kept)
    student.calls = None
    before = student.taken()
    again = shop.run("killed", "evaluate", params(**given), READS, kept=kept)
    left = student.taken()
    assert len(before) == len(asked) - len(left) > 0, "what was answered is not asked again"
    assert sorted(before + left) == asked
    assert rows(again) == rows(whole)
    assert f"  goes on: {len(before)} answers are there of an attempt before" in shop.said
    log = shop.contexts["killed"]
    assert "shards" not in log.facts and log.facts["device"] == "cpu"


def killed(shop: Workshop, student: Grouping, kept: Shards, **more: Any) -> list[str]:
    """What an evaluation was asked that was killed after two steps."""
    student.calls = 2
    with pytest.raises(Power):
        shop.run("killed", "evaluate", params(), READS, kept=kept, **more)
    student.calls = None
    return student.taken()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAENVGYM_CHECKPOINT_SECONDS", "0")


@pytest.mark.usefixtures("often")
def test_answers_of_other_hardware_are_not_used(
    student: Grouping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be those of neither machine."""
    shop = Workshop(tmp_path)
    shop.data("selection")
    kept = Shards(folder=tmp_path / "kept", key="key-of-killed", inputs={})
    assert killed(shop, student, kept)
    here = answering.devices

    def elsewhere(device: str | None) -> dict[str, Any]:
        return {**here(device), "processor": "of another machine"}

    monkeypatch.setattr(answering, "devices", elsewhere)
    again = shop.run("killed", "evaluate", params(), READS, kept=kept)
    assert len(student.taken()) == len(rows(again).splitlines()), "all is asked again"
    said = "answers of an attempt before are not used: its model ran with another processor"
    assert any(said in line for line in shop.said)
    assert shop.contexts["killed"].facts["processor"] == "of another machine"
    assert not shop.contexts["killed"].elsewhere


@pytest.mark.usefixtures("often")
def test_answers_are_not_kept_of_what_changed_meanwhile(student: Grouping, tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.data("selection")
    kept = Shards(folder=tmp_path / "kept", key="key-of-changed", inputs={})

    def changed() -> None:
        raise StageError("'x' changed while this stage read it", help="let it rest")

    with pytest.raises(StageError, match="changed while"):
        shop.run("changed", "evaluate", params(), READS, kept=kept, verify=changed)
    assert student.asked and not kept.folder.exists()


@pytest.mark.usefixtures("often")
def test_the_seconds_of_an_attempt_before_count_once(
    student: Grouping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(tmp_path)
    shop.data("selection")
    kept = Shards(folder=tmp_path / "kept", key="key-of-killed", inputs={})
    time = Time()
    monkeypatch.setitem(keeping.Keeper.__init__.__kwdefaults__, "clock", time.clock().now)
    monkeypatch.setattr(
        "dataenvgym_spec.execute.context.time", SimpleNamespace(monotonic=time.clock().now)
    )
    student.meanwhile = lambda: time.sleep(10)
    killed(shop, student, kept)
    shop.run("killed", "evaluate", params(), READS, kept=kept)
    log = shop.contexts["killed"]
    assert log.elsewhere == 2 * 10
    assert log.seconds["generate"] == log.elsewhere + 10 * len(student.asked)


@pytest.mark.usefixtures("often")
def test_a_shard_that_was_killed_goes_on_and_leaves_one_file(
    student: Grouping, tmp_path: Path
) -> None:
    shop = Workshop(tmp_path)
    shop.data("selection")
    whole = shop.run("whole", "evaluate", params(), READS)
    asked = student.taken()
    shards = Shards(folder=tmp_path / "shards", key="key-of-shared", inputs={})

    def make(number: int) -> None:
        kept = replace(shards, folder=shards.folder / f"{number}.kept")
        made = shop.context("shared", "evaluate", params(), READS, kept=kept)
        make_shard(made, shards, Part(number=number, count=2))

    make(1)
    student.calls = 1
    with pytest.raises(Power):
        make(2)
    student.calls = None
    make(2)
    left = sorted(path.name for path in shards.folder.iterdir())
    assert left == ["1-of-2.answers", "2-of-2.answers"]
    shared = shop.run("shared", "evaluate", params(), READS, shards=shards)
    assert student.taken() == asked, "each is asked once"
    assert rows(shared) == rows(whole)
    assert shop.contexts["shared"].facts["shards"] == 2


@pytest.mark.usefixtures("often")
def test_answers_of_which_each_may_depend_on_all_are_not_kept(
    student: Grouping, tmp_path: Path
) -> None:
    shop = Workshop(tmp_path)
    shop.data("selection")
    kept = Shards(folder=tmp_path / "kept", key="key-of-vllm", inputs={})
    given = params(generate={"backend": "vllm"})
    shop.run("vllm", "evaluate", given, READS, kept=kept)
    assert len(student.asked) == 1 and not kept.folder.exists()


def rows(out: Path) -> str:
    return (out / "selection" / "results.jsonl").read_text(encoding="utf-8")
