"""The saved views, as MLflow's page reads them."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.track.points import Point
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.runs import ExperimentRecord
from dataenvgym_spec.track.views import (
    COSTS,
    CURVES,
    FIT,
    ITERATIONS,
    LONGEST,
    MOST_CONTRASTS,
    POINTS,
    RUNS,
    SCORES,
    views_of,
)
from tests.support.complete import Complete
from tests.support.tracked import Store


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
        assert len(text) <= LONGEST
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


def compared(record: ExperimentRecord, state: dict) -> list[dict[str, str]]:
    """The tags of the runs that a view compares."""
    wanted = {
        key.removeprefix("tags."): value.strip("'")
        for key, value in (part.split(" = ") for part in state["searchFilter"].split(" and "))
    }
    every = [dict(run.tags) for run in record.runs]
    return [tags for tags in every if wanted.items() <= tags.items()]


def test_no_view_compares_more_runs_than_the_page_loads(tmp_path: Path) -> None:
    """It would be silent of the others, and draw means of those seeds that it has."""
    Store(tmp_path, arms=("a", "b", "c"), seeds=tuple(range(5)), iterations=7)
    record = project(load("tiny", tmp_path))
    assert sum(dict(run.tags)["kind"] == "iteration" for run in record.runs) > FIT
    names = []
    for view in dict(record.views).values():
        envelope = json.loads(view)
        names.append(envelope["name"])
        assert 0 < len(compared(record, json.loads(envelope["state"]))) <= FIT
    assert "4 Iterations of seed 0, with what each was taught" in names
    assert "3 Every run, by arm and seed" in names


def test_a_large_sweep_has_the_means_of_all_seeds(tmp_path: Path) -> None:
    Store(tmp_path, name="rates-low", sweep="rates", seeds=tuple(range(5)))
    results = load("rates-low", tmp_path)
    settings = {"with-state": {"rate": 1}, "no-state": {"rate": 1}}
    point = Point(settings=settings, seeds=results.index.seeds, iterations={"with-state": 20, "no-state": 20})  # fmt: skip
    views = dict(views_of(results.index, {f"r{number}": point for number in range(30)}))
    states = {name: json.loads(json.loads(view)["state"]) for name, view in views.items()}
    filters = {name: state["searchFilter"] for name, state in states.items()}
    assert filters == {
        POINTS: "tags.kind = 'summary'",
        CURVES: "tags.kind = 'summary'",
        RUNS: "tags.kind = 'run' and tags.seed = '0'",
        ITERATIONS: "tags.kind = 'iteration' and tags.seed = '0' and tags.point = 'r0'",
        COSTS: "tags.kind = 'summary'",
    }
    assert states[CURVES]["groupBy"] is None
    names = {name: json.loads(view)["name"] for name, view in views.items()}
    assert names[CURVES] == "1 Learning curves, by point and arm"
    assert names[RUNS] == "3 Every run of seed 0, by arm"


def test_the_noise_floor_stands_beside_each_contrast_where_it_is_measured(tmp_path: Path) -> None:
    Store(tmp_path / "none")
    Store(tmp_path / "evaluated", copies=3)
    Complete(tmp_path / "trained")
    for name in ("none", "evaluated", "trained"):
        record = project(load("tiny", tmp_path / name))
        state = json.loads(json.loads(dict(record.views)[SCORES])["state"])
        columns = [column.split("`")[1] for column in state["selectedColumns"]]
        shown = {column for column in columns if column.endswith("_noise_floor")}
        metrics = {one.key for run in record.runs for one in run.metrics}
        assert shown == {key for key in metrics if key.endswith("_noise_floor")}
        assert bool(shown) == (name == "trained")
        for floor in shown:
            assert columns.index(floor) == columns.index(floor.replace("noise_floor", "high")) + 1


def scores_view(root: Path, contrasts: list[Question]) -> tuple[str, dict]:
    """The name and the state of the view of scores, of an experiment with a noise floor."""
    Store(root, copies=3, seeds=(0, 1))
    index = replace(load("tiny", root).index, contrasts=tuple(contrasts))
    text = dict(views_of(index, {}))[SCORES]
    assert len(text) <= LONGEST
    envelope = json.loads(text)
    return envelope["name"], json.loads(envelope["state"])


def section_of(state: dict, key: str) -> tuple[str, str]:
    """The title of a metric's chart, and that of the section in which it is: an open one."""
    (chart,) = (one for one in state["compareRunCharts"] if one["metricKey"] == key)
    sections = {one["uuid"]: one for one in state["compareRunSections"]}
    section = sections[chart["metricSectionId"]]
    assert section["display"]
    return chart["displayName"], section["name"]


def test_the_view_of_scores_has_the_contrasts_of_the_ready_studies(tmp_path: Path) -> None:
    others = ("blind", "yoked", "random-pool", "one-shot", "equal-compute")
    study = [Question(arm="state", against=other, student="last") for other in others]
    name, state = scores_view(tmp_path / "study", study)
    assert name == "2 Scores on the sealed test, by arm"
    for other in others:
        assert section_of(state, f"test/last minus last of {other}") == (
            f"Last of state less last of {other}, on the sealed test",
            "Declared contrasts",
        )
    pairs = [("curious", "cautious"), ("curious", "bold"), ("curious", "patient"), ("bold", "cautious"), ("bold", "patient"), ("patient", "cautious")]  # fmt: skip
    null = [Question(arm=one, against=other, student="last") for one, other in pairs]
    name, state = scores_view(tmp_path / "null", null)
    assert len(null) == MOST_CONTRASTS and "contrasts" not in name
    # Contrasts with one and the same student are one metric, with a bar for each arm.
    title, _ = section_of(state, "test/last minus last of cautious")
    assert title == "Last of curious, bold, patient less last of cautious, on the sealed test"
    assert len(set(state["selectedColumns"])) == len(state["selectedColumns"])


@pytest.mark.parametrize("letters", [1, 150])
def test_the_view_of_scores_says_which_contrasts_it_leaves_out(
    tmp_path: Path, letters: int
) -> None:
    others = [f"{'x' * letters}-{number}" for number in range(9)]
    contrasts = [Question(arm="a", against=other, split="selection") for other in others]
    name, state = scores_view(tmp_path, contrasts)
    shown = [one["metricKey"] for one in state["compareRunCharts"] if "minus" in one["metricKey"]]
    assert 0 < len(shown) <= MOST_CONTRASTS and (len(shown) < MOST_CONTRASTS) is (letters > 1)
    assert name == f"2 Scores on the sealed test, by arm ({len(shown)} of 9 contrasts)"
    title, section = section_of(state, shown[0])
    assert title == f"Best of a less best of {others[0]}, on the selection split"
    assert section == f"Declared contrasts: {len(shown)} of 9, all in the report"
