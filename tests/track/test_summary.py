"""The scores of summary runs are those of the report, with the same intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import study
from dataenvgym_spec.track.project import project
from tests.support.copied import Everything


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_mlflow_has_the_intervals_of_the_report(tmp_path: Path, seeds: tuple[int, ...]) -> None:
    """t intervals over seeds, and of one seed those over items; the base's are over items."""

    def right(item: int, arm: str, seed: int, iteration: int) -> bool:
        return (7 * item) % 20 < 5 + (3 + seed) * iteration

    store = Everything(tmp_path / "repo", {}, seeds=seeds, right=right)
    results = load("tiny", store.write(asked=0).root)
    report = json.loads(metrics(study(results)))
    for run in project(results).runs:
        tags, shown = dict(run.tags), {metric.key: metric.value for metric in run.metrics}
        if tags["kind"] != "summary":
            assert not any(key.startswith("test/") for key in shown)
            continue
        for place, students in scores(report, tags["arm"]).items():
            for student, row in students.items():
                for end, name in (("", "accuracy"), ("_low", "ci_low"), ("_high", "ci_high")):
                    assert round(shown[f"{place}/{student}{end}"], 6) == row[name], (place, student)
                assert (f"{place}/{student}_deviation" in shown) is (len(seeds) > 1)
        over = report["arms"][tags["arm"]]["last"]["ci_covers"]
        assert over == ("items" if len(seeds) == 1 else "seeds")


def scores(report: dict[str, Any], arm: str) -> dict[str, dict[str, dict[str, Any]]]:
    """The students of an arm in `metrics.json`, by where their metrics are in MLflow."""
    elsewhere = dict(report["probes"]["elsewhere"][arm])
    del elsewhere["best - base"]
    return {"test": report["arms"][arm], "probe/elsewhere": elsewhere}
