"""Answers that count together, where people see them: on the page, in `metrics.json` and in the summary run alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import study
from dataenvgym_spec.track.project import project
from tests.support.reported import Store, four

pytestmark = pytest.mark.usefixtures("undrawn")


class Shown(Store):
    """A sealed test of clusters of four: two questions, each about two images. A student is right about image 1 alone."""

    shows = True

    def run(self, arm: str, seed: int) -> None:
        super().run(arm, seed)
        for name in ("base-t", f"z-{arm}-{seed}"):
            path = self.layout.stage(f"evaluate-{name}") / "out" / "test" / "results.jsonl"
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            taught = name != "base-t"
            write_rows(path, [self.placed(number, row, taught) for number, row in enumerate(rows)])

    def placed(self, number: int, row: dict[str, Any], taught: bool) -> dict[str, Any]:
        own = number % len(ALL)
        of = four(f"c{own // 4}", ".x.x")[own % 4]
        placed = {**msgspec.to_builtins(of), "id": row["id"]}
        if "iteration" in row:
            placed["iteration"] = row["iteration"]
        if taught and own < len(ALL) / 2:
            placed |= {"correct": True, "score": 1.0}
        return (
            placed if self.shows else {key: one for key, one in placed.items() if key != "images"}
        )


class Unshown(Shown):
    """The same without images."""

    shows = False


ALL = range(60)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_they_are_in_the_report_and_in_the_summary_alone(
    seeds: tuple[int, ...], tmp_path: Path
) -> None:
    results = load("tiny", Shown(tmp_path / "shown", seeds=seeds).write().root)
    found = study(results)
    told = json.loads(metrics(found))["together"]["with-state"]
    assert {way: row["sets"] for way, row in told.items()} == {
        "question": 30,
        "image": 30,
        "cluster": 15,
    }
    right = {
        way: (round(row["base"]["accuracy"], 4), round(row["last"]["accuracy"], 4))
        for way, row in told.items()
    }
    assert right == {"question": (0.0, 0.5), "image": (0.5, 0.7333), "cluster": (0.0, 0.4667)}
    interval = told["image"]["base"]
    assert interval["ci_low"] < 0.5 < interval["ci_high"]
    text = page(found)
    assert "Answers that count together" in text
    # Items that come in clusters are counted one by one.
    flips = text.partition('aria-label="answers fixed and broken"')[2].partition("</table>")[0]
    assert flips.count('<td class="n">60</td>') == len(found.gains) == 2 * len(seeds)
    shown = {}
    for record in project(results).runs:
        for metric in record.metrics:
            if "/together/" in metric.key:
                assert record.name.endswith("summary")
                shown[record.name, metric.key] = round(metric.value, 4)
    assert shown["with-state, summary", "test/base/together/question"] == 0.0
    assert shown["with-state, summary", "test/best/together/cluster"] == 0.4667
    # Of each arm, student and way the part with both ends of its interval.
    assert len(shown) == 2 * 3 * 3 * 3


def test_they_are_not_where_nothing_is_shown(tmp_path: Path) -> None:
    results = load("tiny", Unshown(tmp_path / "unshown").write().root)
    found = study(results)
    assert found.together_accuracies == () and "together" not in json.loads(metrics(found))
    assert "Answers that count together" not in page(found)
    keys = {metric.key for record in project(results).runs for metric in record.metrics}
    assert not [key for key in keys if "/together/" in key]
