"""Scores of students over runs: what is a mean, and what its interval is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.results.curves import curves, mean_curves
from dataenvgym_spec.results.evidence.scores import outcomes, summaries, summary
from dataenvgym_spec.results.evidence.statistics import proportion
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.study import study
from tests.support.reported import Store

LEARNED = 15


def alike(item: int, arm: str, seed: int, iteration: int) -> bool:
    """Every run has one score; other items are right in each."""
    return (item + 7 * seed * (iteration > 0)) % 30 < LEARNED + 3 * (iteration > 0)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = Store(tmp_path_factory.mktemp("alike") / "repo", seeds=(0, 1, 2), right=alike)
    return load("tiny", root.write().root)


def intervals(content: Any) -> Iterator[tuple[float, float]]:
    """All intervals in nested data."""
    if isinstance(content, dict):
        if "ci_low" in content:
            yield content["ci_low"], content["ci_high"]
        for value in content.values():
            yield from intervals(value)


def test_students_whose_runs_agree_have_an_interval_over_items(results: Results) -> None:
    own = outcomes(results)
    for row in summaries(results, own):
        mine = [one for one in own if (one.arm, one.student) == (row.arm, row.student)]
        assert len({one.accuracy.value for one in mine}) == 1
        assert (row.deviation, row.accuracy.covers) == (0, "items")
        assert row.accuracy == mine[0].accuracy and row.accuracy.high - row.accuracy.low > 0.2
        assert row.seed is None, "it is not the first run alone"


def test_students_whose_runs_differ_have_one_over_runs(tmp_path: Path) -> None:
    def right(item: int, arm: str, seed: int, iteration: int) -> bool:
        return item % 10 < 4 + (iteration > 0) * (1 + seed)

    several = load("tiny", Store(tmp_path / "repo", seeds=(0, 1, 2), right=right).write().root)
    rows = {(row.arm, row.student): row for row in summaries(several, outcomes(several))}
    best, base = (rows["with-state", student].accuracy for student in ("best", "base"))
    assert (best.value, best.covers, best.count) == (pytest.approx(0.6), "seeds", 3)
    assert (base.value, base.covers) == (pytest.approx(0.4), "items")


def test_no_interval_of_a_report_has_a_width_of_zero(results: Results) -> None:
    found = list(intervals(json.loads(metrics(study(results)))))
    assert len(found) > 20 and all(low < high for low, high in found)
    bands = [point.accuracy for curve in mean_curves(curves(results)) for point in curve.points]
    assert bands and all(band.low < band.high for band in bands)


def test_pass_at_k_that_all_runs_share_has_one_too(results: Results) -> None:
    own = [one for one in outcomes(results) if one.student == "best"][:3]
    same = [replace(one, passes=((4, proportion(9, 10)),)) for one in own]
    assert summary(same).passes == ((4, proportion(9, 10)),)
    other = [*same[:2], replace(own[2], passes=((4, proportion(6, 10)),))]
    ((_, mean),) = summary(other).passes
    assert (mean.value, mean.covers) == (pytest.approx(0.8), "seeds")
