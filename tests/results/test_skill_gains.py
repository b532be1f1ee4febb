"""What teaching gained in each skill, beside how much was taught of it and what the base student could."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report.page import costs
from dataenvgym_spec.report.points import curves_csv
from dataenvgym_spec.results.curves import curves, mean_curves, with_costs
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.ledger import read_ledger
from dataenvgym_spec.results.skill_gains import taught_skills
from dataenvgym_spec.results.study import study
from tests.support.reported import ARMS, ITERATIONS, SKILLS, Store
from tests.support.taught import Taught


def learns(item: int, arm: str, seed: int, iteration: int) -> bool:
    """The second of three skills is hard, and gains where the state is seen."""
    hard = item % 3 == 1
    return not hard if iteration == 0 else not hard or arm == "with-state"


def test_a_skill_has_its_amount_its_base_and_its_gain(tmp_path: Path) -> None:
    Store(tmp_path, seeds=(0, 1), right=learns).write()
    rows = {(row.arm, row.skill): row for row in taught_skills(load("tiny", tmp_path))}
    assert {skill for _, skill in rows} == set(SKILLS)
    seen, blind = rows["with-state", SKILLS[1]], rows["no-state", SKILLS[1]]
    assert (seen.base, seen.best, seen.gain, seen.items) == (0.0, 1.0, 1.0, 20)
    assert blind.gain == 0
    # The best student is the first: one iteration's amounts.
    assert [rows["with-state", skill].examples for skill in SKILLS] == [3, 2, 1]
    assert {row.gain for (_, skill), row in rows.items() if skill != SKILLS[1]} == {0}


def test_of_a_skill_as_many_are_taught_as_the_training_took(tmp_path: Path) -> None:
    layout = Store(tmp_path, seeds=(0, 1), right=learns).write()
    for seed in (0, 1):
        inputs = [["accepted", f"k-with-state-{seed}-1", "accepted"]]
        says = {"params": {"seed": seed, "fraction": 0.5}, "inputs": inputs}
        write_json(layout.stage(f"train-t-with-state-{seed}-1") / "stage.json", says)
    rows = taught_skills(load("tiny", tmp_path))
    amounts = {arm: sum(row.examples for row in rows if row.arm == arm) for arm in ARMS}
    assert amounts == {"with-state": 3, "no-state": 6}


def test_an_interval_holds_its_own_gain_where_runs_disagree_on_the_one_item(tmp_path: Path) -> None:
    layout = Store(
        tmp_path, seeds=(0, 1, 2), right=lambda item, arm, seed, turn: (turn > 0) is (seed == 0)
    ).write()
    for path in layout.store.rglob("test/results.jsonl"):
        first = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            first.setdefault((row["group"], row.get("iteration")), line)
        path.write_text("".join(f"{line}\n" for line in first.values()), encoding="utf-8")
    rows = taught_skills(load("tiny", tmp_path))
    assert len(rows) == len(ARMS) * len(SKILLS)
    for row in rows:
        assert (row.items, row.gain) == (1, pytest.approx(1 / 3))
        assert row.change is not None and row.change.value == pytest.approx(row.gain)
        assert row.change.low <= row.gain <= row.change.high


def test_skills_that_the_test_does_not_know_by_name_have_none(tmp_path: Path) -> None:
    Taught(tmp_path)  # its test items are labelled otherwise than what is planned
    assert taught_skills(load("tiny", tmp_path)) == ()


def test_curves_say_what_teaching_took_up_to_each_point(tmp_path: Path) -> None:
    Store(tmp_path, seeds=(0, 1)).write()
    (tmp_path / "prices.yaml").write_text("machine_hour: 3600\n")
    results = load("tiny", tmp_path)
    found = with_costs(results.runs, curves(results), read_ledger(results))
    (first, *_) = found
    # Each training of this store has trained 500 tokens and taken two seconds, and reads nothing.
    assert [point.tokens for point in first.points] == [500 * number for number in range(1 + ITERATIONS)]  # fmt: skip
    assert [point.usd for point in first.points] == pytest.approx([2 * number for number in range(1 + ITERATIONS)])  # fmt: skip
    (mean, _) = mean_curves(found)
    assert [point.tokens for point in mean.points] == [point.tokens for point in first.points]
    assert all(point.tokens is None for curve in curves(results) for point in curve.points)


def test_what_no_log_counts_and_no_table_prices_is_empty_and_never_0(tmp_path: Path) -> None:
    """One arm's logs count tokens, the other's do not; there is a table of prices later on."""
    layout = Store(tmp_path).write()
    for path in (layout.root / "store").glob("*-no-state-*/log/run.json"):
        log = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**log, "tokens": None}), encoding="utf-8")
    for prices in (None, "models: {someone: {prompt: 2, generated: 8}}\n", "machine_hour: 36\n"):
        if prices is not None:
            (tmp_path / "prices.yaml").write_text(prices)
        rows = list(csv.DictReader(io.StringIO(curves_csv(study(load("tiny", tmp_path))))))
        selection = [row for row in rows if row["split"] == "selection"]
        cells = {arm: [row["tokens"] for row in selection if row["arm"] == arm] for arm in ARMS}
        assert cells == {"with-state": ["0", "500", "1000", "1500"], "no-state": [""] * 4}
        dollars = {row["usd"] for row in selection}
        assert (dollars == {""}) is (prices is None or "models" in prices)
    # The base costs nothing, which is known once what follows it does.
    assert dollars == {"0.0", "0.02", "0.04", "0.06"}


@pytest.mark.parametrize(("device", "drawn"), [("cpu", False), ("cuda", True)])
def test_minutes_on_gpus_are_an_axis_where_there_are_gpus(
    tmp_path: Path, device: str, drawn: bool
) -> None:
    Store(tmp_path, devices=(device,)).write()
    found = study(load("tiny", tmp_path))
    assert ("gpu_minutes" in costs(found)) == drawn
    minutes = [point.gpu_minutes for point in found.curves[0].points]
    # Trainings of two seconds each.
    assert minutes == pytest.approx([number * drawn / 30 for number in range(1 + ITERATIONS)])
