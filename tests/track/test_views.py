"""The saved views, as MLflow's page reads them."""

import json
from pathlib import Path

import pytest

from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.views import COSTS, CURVES, ITERATIONS, POINTS, RUNS, SCORES
from tests.support.tracked import Store

LIMIT = 5000
"""Characters of a tag of an experiment that every server of MLflow 3 takes."""


@pytest.mark.parametrize("sweep", [None, "rates"])
def test_every_view_is_small_enough_and_names_metrics_that_are_there(tmp_path: Path, sweep) -> None:
    name = "rates-low" if sweep else "tiny"
    Store(tmp_path, name=name, sweep=sweep, seeds=(0, 1))
    record = project(load(name, tmp_path))
    assert list(dict(record.views)) == [
        *((POINTS, CURVES) if sweep else (CURVES, SCORES)),
        RUNS,
        ITERATIONS,
        COSTS,
    ]
    for text in dict(record.views).values():
        assert len(text) < LIMIT
        envelope = json.loads(text)
        state = json.loads(envelope["state"])
        kind = state["searchFilter"].split("'")[1]
        runs = [run for run in record.runs if dict(run.tags)["kind"] == kind]
        assert runs
        metrics = {metric.key for run in runs for metric in run.metrics}
        wanted = {chart["metricKey"] for chart in state["compareRunCharts"] if "metricKey" in chart}
        columns = [column.split("`")[1] for column in state["selectedColumns"]]
        wanted |= {name for name in columns if "/" in name}
        assert wanted and wanted <= metrics, envelope["name"]
        for group in (state["groupBy"] or {"groupByKeys": ()})["groupByKeys"]:
            assert all(group["groupByData"] in dict(run.tags) for run in runs)


def test_views_of_an_experiment_do_not_change_as_it_goes_on(tmp_path: Path) -> None:
    Store(tmp_path, upto=0, closed=False)
    before = project(load("tiny", tmp_path)).views
    Store(tmp_path)
    assert project(load("tiny", tmp_path)).views == before


def test_runs_are_drawn_as_one_line_an_arm_where_there_are_several(tmp_path: Path) -> None:
    """With one seed each line is a run, in the colour that the report gives its arm."""
    for seeds in ((0,), (0, 1)):
        Store(tmp_path / str(len(seeds)), seeds=seeds)
        views = dict(project(load("tiny", tmp_path / str(len(seeds)))).views)
        state = json.loads(json.loads(views[CURVES])["state"])
        assert (state["groupBy"] is not None) == (COSTS in views) == (len(seeds) > 1)
        # A group is drawn as its mean at each step, which runs do not have in common there.
        metrics = {chart["metricKey"] for chart in state["compareRunCharts"]}
        assert ("selection/accuracy_by_tokens" in metrics) == (len(seeds) == 1)
