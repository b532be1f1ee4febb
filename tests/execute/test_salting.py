"""What a salt changes in an evaluation and in a training: order, batches and seeds, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dataenvgym_spec.core.hashing import salted
from dataenvgym_spec.execute.salting import batches, shuffled
from dataenvgym_spec.execute.stages import train as training
from dataenvgym_spec.gym.students.trainers.protocol import TrainingExample
from dataenvgym_spec.records.files import read_all, write_rows
from tests.support.golden import Workshop
from tests.support.noting import Noting, evaluated
from tests.support.requested import made

FIVE = {"batch_size": 5}
DRAWN = {"seed": 3, "temperature": 0.7, "samples": 3}


@given(count=st.integers(0, 70), size=st.integers(1, 12), salt=st.integers(1, 9))
def test_every_place_is_asked_once_in_batches_of_a_salts_own(
    count: int, size: int, salt: int
) -> None:
    drawn = batches(count, size, salt)
    assert sorted(place for batch in drawn for place in batch) == list(range(count))
    assert all((size + 1) // 2 <= len(batch) <= size for batch in drawn[:-1])
    assert drawn == batches(count, size, salt)
    assert batches(count, size, None) == [list(range(count))]


def test_salts_differ_and_no_salt_is_the_thing_itself() -> None:
    orders = {tuple(shuffled(range(20), salt)) for salt in (None, 1, 2, 3)}
    assert len(orders) == 4 and tuple(range(20)) in orders
    assert len({salted(seed, salt) for seed in range(3) for salt in (None, 1, 2)}) == 9
    assert salted(5, None) == 5


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch) -> Noting:
    return Noting(monkeypatch)


def test_a_salted_evaluation_asks_in_another_order_and_in_other_batches(
    noting: Noting, tmp_path: Path
) -> None:
    own = evaluated(tmp_path / "own", **FIVE)
    (whole,) = noting.calls
    again = evaluated(tmp_path / "again", salt=1, **FIVE)
    calls = noting.calls[1:]
    asked = [pair for call in calls for pair in call]
    assert sorted(asked, key=str) == sorted(whole, key=str) and asked != whole
    assert all(len(call) <= 5 for call in calls) and len(calls) > len(whole) / 5
    assert again == own, "a backend that depends on nothing else gives the same rows in their order"
    evaluated(tmp_path / "other", salt=2, **FIVE)
    assert [pair for call in noting.calls[1 + len(calls) :] for pair in call] != asked


def test_a_salted_evaluation_draws_other_answers(noting: Noting, tmp_path: Path) -> None:
    own = evaluated(tmp_path / "own", **DRAWN, **FIVE)
    again = evaluated(tmp_path / "again", salt=1, **DRAWN, **FIVE)
    calls = [[seed for _, seed in call] for call in noting.calls]
    first, others = set(calls[0]), {seed for call in calls[1:] for seed in call}
    assert len(first) == len(others) == 3 * len(own) and not first & others
    assert [row["id"] for row in again] == [row["id"] for row in own]
    assert [row["prediction"] for row in again] != [row["prediction"] for row in own]


def taught(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **more: Any
) -> tuple[int, list[TrainingExample]]:
    """The seed and the examples that a trainer is handed."""
    handed: dict[str, Any] = {}
    monkeypatch.setattr(training, "launch", lambda _, **given: handed.update(given))
    shop = Workshop(folder)
    asked = [replace(example, input=example.id) for example in made("abcd" * 5)]
    for name, rows in (("base", None), ("check", asked)):
        shop.outs[name] = folder / name / "out"
        port = shop.outs[name] / ("student" if rows is None else "accepted")
        port.mkdir(parents=True)
        if rows is not None:
            write_rows(port / "examples.jsonl", rows)
    settings = {"length": {"steps": 1}, "learning_rate": 0.1, "batch_size": 4, "method": "sft"}
    params = {"train": settings, "template": "{{ input }}", "seed": 7, **more}
    reads = (("base", "base", "student"), ("accepted", "check", "accepted"))
    shop.run("train", "train", params, reads)
    return handed["seed"], read_all(handed["examples"], TrainingExample)


def test_a_salted_training_learns_the_same_in_another_order_and_by_another_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed, own = taught(tmp_path / "own", monkeypatch)
    assert seed == 7
    seeds, orders = {seed}, {str(own)}
    for salt in (1, 2):
        again, examples = taught(tmp_path / str(salt), monkeypatch, salt=salt)
        assert sorted(map(str, examples)) == sorted(map(str, own))
        seeds.add(again)
        orders.add(str(examples))
    assert len(seeds) == len(orders) == 3


def test_a_salted_training_draws_another_part_where_it_learns_a_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, own = taught(tmp_path / "own", monkeypatch, fraction=0.4)
    _, again = taught(tmp_path / "again", monkeypatch, fraction=0.4, salt=1)
    assert len(own) == len(again) == 8
    assert {str(one) for one in own} != {str(one) for one in again}
