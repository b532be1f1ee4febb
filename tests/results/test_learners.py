"""Who learned an example: what readers say of a training is what its trainer was handed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dataenvgym_spec.execute.stages import train as training
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_all, write_json, write_rows
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.results.taught.learners import Learner, Learners
from tests.support.golden import Workshop
from tests.support.requested import made

TRAIN = {"length": {"steps": 5}, "learning_rate": 0.1, "batch_size": 4, "method": "sft"}
FIRST, SECOND = made("aaaabbbbbb", 1), made("aabbbb", 2)
OTHER = made("aaaabbbb", 1)
Reads = Sequence[tuple[str, str, str]]
BOTH: Reads = (("accepted", "one", "accepted"), ("accepted", "two", "accepted"))
PART = {"fraction": 0.4}
REPLAY = {"replay": {"fraction": 0.3, "latest": 1}}
EQUAL: Reads = (BOTH[0], ("others", "other", "yield"))
LOG = {"started": 0.0, "seconds": {"total": 1.0}}


class Bench:
    """Checks, and a training of what they accepted, as compile and the executors leave them."""

    def __init__(self, folder: Path) -> None:
        self.shop, self.stages = Workshop(folder / "store"), dict[str, StageResult]()
        (folder / ".dvc").mkdir()
        for name, rows in (("base", []), ("one", FIRST), ("two", SECOND), ("other", OTHER)):
            self.shop.outs[name] = out = folder / "store" / name / "out"
            for port in ("student", "accepted", "yield"):
                (out / port).mkdir(parents=True)
            write_rows(out / "accepted" / "examples.jsonl", [asking(row) for row in rows])
            yields = {request: {"requested": 9, "accepted": 4} for request in "ab"}
            write_json(out / "yield" / "yield.json", yields)
            self.add(name, "check", ())
        self.says("base", "one", "two", "other")

    def add(self, name: str, kind: str, reads: Reads) -> StageResult:
        inputs = tuple(f"key-of-{stage}" for _, stage, _ in reads)
        path = self.shop.folder / name
        self.stages[name] = found = StageResult(
            key=f"key-of-{name}", kind=kind, path=path, inputs=inputs, uses=()
        )
        return found

    def train(self, reads: Reads, **more: Any) -> StageResult:
        """A training that is not done yet."""
        found = self.add("train", "train", reads)
        found.path.mkdir()
        inputs = [[slot, f"key-of-{stage}", port] for slot, stage, port in reads]
        params = {"train": TRAIN, "template": "{{ input }}", "seed": 7, **more}
        write_json(found.path / "stage.json", {"params": params, "inputs": inputs})
        return found

    def says(self, *names: str, **facts: Any) -> None:
        """Lets the logs of stages be there."""
        for name in names:
            (self.shop.folder / name / "log").mkdir(exist_ok=True)
            write_json(self.shop.folder / name / "log" / "run.json", {**LOG, **facts})

    def learners(self, check: str) -> list[tuple[Learner, ...]]:
        """Of each example that a check accepted."""
        stage, learners = self.stages[check], Learners(self.stages.values())
        rows = enumerate(stage.rows("accepted", "examples.jsonl", Example))
        return [learners.of(stage, number, row.id) for number, row in rows]

    def learned(self, *checks: str) -> list[str]:
        """The examples that somebody learned."""
        ids = []
        for check in checks:
            rows = self.stages[check].rows("accepted", "examples.jsonl", Example)
            some = zip(rows, self.learners(check), strict=True)
            ids += [row.id for row, found in some if found]
        return ids


def asking(example: Example) -> Example:
    return replace(example, input=example.id)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    ("reads", "params", "amount"),
    [
        (BOTH, {}, 16),
        (BOTH, PART, 6),
        (BOTH, {**PART, "salt": 2}, 6),
        (BOTH, REPLAY, 9),
        (BOTH, {**PART, **REPLAY}, 3),
        (EQUAL, {"rounds": 1}, 8),
    ],
)
def test_what_a_training_took_is_what_its_trainer_was_handed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, reads: Reads, params: Any, amount: int
) -> None:
    bench.train(reads, **params)
    foreseen = bench.learned("one", "two", "other")
    handed: dict[str, Any] = {}
    monkeypatch.setattr(training, "launch", lambda _, **given: handed.update(given))
    whole = {"train": TRAIN, "template": "{{ input }}", "seed": 7, **params}
    bench.shop.run("train", "train", whole, (("base", "base", "student"), *reads))
    bench.says("train")
    learned = bench.learned("one", "two", "other")
    rows = read_all(handed["examples"], TrainingExample)
    assert sorted(learned) == sorted(str(row.prompt.text) for row in rows)  # type: ignore[union-attr]
    assert (len(learned), foreseen) == (amount, learned)


def test_who_only_reads_how_many_were_accepted_learned_none_of_them(bench: Bench) -> None:
    bench.train(EQUAL, rounds=1)
    assert bench.learned("other") == []
    assert not Learners(bench.stages.values()).given(bench.stages["other"])


@pytest.mark.parametrize("fact", ["passed", "stayed"])
def test_a_training_that_did_not_take_place_taught_nothing(bench: Bench, fact: str) -> None:
    bench.train(BOTH)
    bench.says("train", **{fact: True})
    assert bench.learned("one", "two") == []


def test_an_iteration_that_brings_nothing_and_need_not_trains_nobody(bench: Bench) -> None:
    write_rows(bench.shop.outs["two"] / "accepted" / "examples.jsonl", [])
    bench.train(BOTH, latest=1)
    assert bench.learned("one") == []


def doubts(bench: Bench, check: str = "one") -> set[str]:
    return {learner.doubt for found in bench.learners(check) for learner in found}


@pytest.mark.parametrize(
    ("facts", "doubt"),
    [
        ({"examples": 16, "steps": 4, "left_out": 0, "cut": 3}, ""),
        (
            {"examples": 13, "steps": 4, "left_out": 3},
            "unless it is one of the 3 that left no room for an answer",
        ),
        ({"examples": 16, "steps": 2}, "if it was among the 8 of 16 that 2 steps reached"),
        (
            {"examples": 9, "pairs": 9, "unpaired": 7},
            "unless it is one of the 7 to which there was no worse answer",
        ),
    ],
)
def test_what_a_log_counts_and_does_not_list_is_a_doubt(
    bench: Bench, facts: dict[str, int], doubt: str
) -> None:
    bench.train(BOTH)
    bench.says("train", **facts)
    assert doubts(bench) == {doubt} and len(bench.learned("one", "two")) == 16


def test_of_pairs_the_log_lists_which_examples_have_one(bench: Bench) -> None:
    stage = bench.train(BOTH)
    bench.says("train", examples=2, pairs=2, unpaired=14)
    pairs = [{"id": id, "prompt": "?", "chosen": "a", "rejected": "b"} for id in ("1-3", "2-1")]
    write_rows(stage.path / "log" / "pairs.jsonl", pairs)
    assert bench.learned("one", "two") == ["1-3", "2-1"] and doubts(bench) == {""}
    bench.says("train", examples=0, pairs=0)
    assert bench.learned("one", "two") == []


def test_before_all_is_there_that_decides_it_that_is_said(bench: Bench) -> None:
    bench.train(EQUAL, rounds=1)
    (bench.shop.folder / "other" / "log" / "run.json").unlink()
    unknown = "if it is of the part that it takes, which is not known yet; not trained yet"
    assert doubts(bench) == {unknown} and len(bench.learned("one")) == len(FIRST)
    bench.says("other")
    assert doubts(bench) == {"not trained yet"} and len(bench.learned("one")) == 8


def test_what_the_files_of_a_training_do_not_say_nobody_claims(bench: Bench) -> None:
    (bench.train(BOTH, **PART).path / "stage.json").write_text("{", encoding="utf-8")
    bench.says("train")
    assert doubts(bench) == {"if it took it, which its stage.json does not say"}
