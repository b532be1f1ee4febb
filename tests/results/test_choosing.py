"""By how much the best of several students looks better than it is: against simulated truths, and where it is shown."""

from __future__ import annotations

import json
import random
from math import exp
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli.report import command
from dataenvgym_spec.report import words
from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.results.evidence.choosing import choices, optimism
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import study
from dataenvgym_spec.track.project import project
from tests.support.commands import ROOT
from tests.support.reported import ITERATIONS, Store

Marks = list[dict[str, bool]]


def share(difficulty: float, ability: float) -> float:
    return 1 / (1 + exp(difficulty - ability))


def students(rng: random.Random, abilities: list[float], items: int) -> tuple[Marks, list[float]]:
    """Students of some abilities that answer the same items of very different difficulty, and what each is worth on them."""
    difficulties = {str(n): rng.gauss(0.0, 1.5) for n in range(items)}
    marks, worth = [], []
    for ability in abilities:
        chances = {n: share(one, ability) for n, one in difficulties.items()}
        marks.append({n: rng.random() < chance for n, chance in chances.items()})
        worth.append(fmean(chances.values()))
    return marks, worth


def chosen(marks: Marks) -> tuple[int, float]:
    """Who is chosen, the earliest of equal ones, and with what score."""
    scores = [fmean(one.values()) for one in marks]
    return scores.index(max(scores)), max(scores)


@pytest.mark.parametrize(
    ("count", "items", "spread", "sets"),
    [(10, 100, 0.0, 60), (10, 100, 1.0, 60), (4, 60, 0.0, 60), (4, 60, 0.5, 200)],
)
def test_it_is_about_what_choosing_does_to_a_score(
    count: int, items: int, spread: float, sets: int
) -> None:
    """What choosing does is 6, 2, 5 and 3 points here: whoever says 0, or the same of all, is found out."""
    rng = random.Random(count + items)
    real, estimated = [], []
    for _ in range(sets):
        abilities = [rng.gauss(0.0, spread) for _ in range(count)]
        marks, worth = students(rng, abilities, items)
        best, score = chosen(marks)
        real.append(score - worth[best])
        estimated.append(optimism(marks, {}))
    assert fmean(estimated) == pytest.approx(fmean(real), abs=0.01)
    assert all(one > -1e-12 for one in estimated)


def test_the_page_says_what_choosing_the_best_of_ten_does() -> None:
    """Ten equal students of the model above: the best of them by 200 items, on these items."""
    rng = np.random.default_rng(0)
    right = 1 / (1 + np.exp(rng.normal(0.0, 1.5, (3000, 1, 200))))
    scores = (rng.random((3000, 10, 200)) < right).mean(axis=2)
    much = 100 * (scores.max(axis=1) - right.mean(axis=(1, 2))).mean()
    page = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert f"has, on these items, about {much:.1f} points more than it is worth" in page


def test_one_clear_winner_is_hardly_optimistic_and_equal_ones_are() -> None:
    items = [str(n) for n in range(200)]
    rng = random.Random(0)
    clear = [{n: rng.random() < right for n in items} for right in (0.1, 0.12, 0.9)]
    assert optimism(clear, {}) == pytest.approx(0, abs=0.005)
    equal = [{n: rng.random() < 0.5 for n in items} for _ in range(3)]
    assert optimism(equal, {}) > 0.02
    assert optimism([clear[0], clear[0]], {}) == pytest.approx(0, abs=1e-12), "nothing to choose"


def test_few_clusters_of_items_choose_as_badly_as_few_items() -> None:
    rng = random.Random(1)
    units, _ = students(rng, [0.0] * 5, 30)
    copied = [{f"{n}-{k}": mark for n, mark in one.items() for k in range(6)} for one in units]
    clusters = {item: item.split("-")[0] for item in copied[0]}
    assert optimism(copied, clusters) == pytest.approx(optimism(units, {}), rel=0.1)
    assert optimism(copied, {}) < 0.8 * optimism(copied, clusters)


def test_the_report_says_it_beside_the_selection_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Store(tmp_path / "repo", seeds=(0, 1)).write().root
    results = load("tiny", root)
    found = choices(results)
    assert [(one.arm, one.seed) for one in found] == [
        (arm, seed) for arm in ("with-state", "no-state") for seed in (0, 1)
    ]
    for one, run in zip(found, results.runs, strict=True):
        assert run.choice is not None
        assert (one.students, one.items) == (ITERATIONS, 30)
        assert one.score == pytest.approx(max(run.choice.accuracy))
    said = words.optimism(found)
    mean = 100 * fmean(one.optimism for one in found if one.arm == "with-state")
    assert f"{mean:.1f} points for with-state (best of 3 by 30 items, " in said
    whole = study(results)
    row = json.loads(metrics(whole))["choosing"]["no-state"]["1"]
    assert row["optimism"] == pytest.approx(found[3].optimism, abs=1e-4) and row["students"] == 3
    monkeypatch.chdir(root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert said in " ".join(told.split())
    (summary,) = (run for run in project(results).runs if run.id == "tiny/with-state/summary")
    keys = {metric.key: metric.value for metric in summary.metrics}
    assert 100 * keys["selection/best_optimism"] == pytest.approx(mean)
    assert keys["selection/best"] == pytest.approx(fmean(one.score for one in found[:2]))


def test_where_nothing_was_chosen_nothing_is_said(tmp_path: Path) -> None:
    root = Store(tmp_path / "repo").write().root
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    for settings in index["settings"].values():
        settings["select"] = {"by": "last"}
    path.write_text(json.dumps(index), encoding="utf-8")
    results = load("tiny", root)
    assert choices(results) == () and words.optimism(()) == ""
    assert "choosing" not in json.loads(metrics(study(results)))
    (root / "store" / "select-c-with-state-0" / "log" / "run.json").unlink()
    assert choices(load("tiny", root)) == ()
