"""What of results becomes runs, where it is decided in `project` itself."""

import json
from pathlib import Path

import pytest

from dataenvgym_spec.results.curves import arm_curve, curves
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.ledger import Cost
from dataenvgym_spec.track.project import _with_axes, project
from dataenvgym_spec.track.runs import Metric, RunRecord
from dataenvgym_spec.track.summary import MEAN
from tests.support.tracked import Store


def test_a_curve_by_examples_counts_what_the_student_was_taught() -> None:
    """An agent that observes another arm's student needs that one's examples, and teaches none of them."""
    point = Metric(key="selection/accuracy", value=0.5, step=2, timestamp=0)
    cost = Cost(examples=540, seconds=7.2)
    axes = {metric.key: metric.step for metric in _with_axes([point], cost, 360)}
    assert axes["selection/accuracy_by_examples"] == 360
    assert axes["selection/accuracy_by_seconds"] == 7


def test_the_mean_of_seeds_that_took_unequally_many_tokens_is_one_line(tmp_path: Path) -> None:
    """Not a mean at each number of tokens, at which hardly two runs ever stand."""
    Store(tmp_path, seeds=(0, 1), right=lambda arm, seed, turn: 2 + 2 * turn + 5 * seed)
    arm = "with-state"
    dear = load("tiny", tmp_path).of_arm(arm)[1].iterations[1].training
    assert dear is not None
    log = dear.path / "log" / "run.json"
    told = json.loads(log.read_text(encoding="utf-8"))
    told["tokens"] = {name: 3 * count for name, count in told["tokens"].items()}
    log.write_text(json.dumps(told), encoding="utf-8")
    runs = {run.id: run for run in project(load("tiny", tmp_path)).runs}

    def curve(run: str, key: str) -> list[tuple[int, float]]:
        return [(one.step, one.value) for one in runs[run].metrics if one.key == key]

    own = [curve(f"tiny/{arm}/seed-{seed}", "selection/accuracy_by_tokens") for seed in (0, 1)]
    assert own[0][1][0] < own[1][1][0] < own[0][2][0] < own[1][2][0]
    means = curve(f"tiny/{arm}/summary", "selection/accuracy_mean_by_tokens")
    by_iteration = curve(f"tiny/{arm}/summary", "selection/accuracy_mean")
    assert [value for _, value in means] == [value for _, value in by_iteration]
    for mean, *points in zip(means, *own, strict=True):
        assert mean[0] == round(sum(step for step, _ in points) / 2)
        assert mean[1] == pytest.approx(sum(value for _, value in points) / 2)
    examples = curve(f"tiny/{arm}/summary", "selection/accuracy_mean_by_examples")
    assert [step for step, _ in examples] == [0, 5, 10]


def test_a_score_on_selection_has_the_interval_that_the_report_prints(tmp_path: Path) -> None:
    Store(tmp_path, seeds=(0, 1), right=lambda arm, seed, turn: 2 + 2 * turn + 5 * seed)
    results = load("tiny", tmp_path)
    arm = results.index.arms[0]
    lines = [line for line in curves(results) if line.arm == arm]
    runs = {run.id: run for run in project(results).runs}
    for end in ("low", "high"):
        mean = [one for one in runs[f"tiny/{arm}/summary"].metrics if one.key == f"{MEAN}_{end}"]
        bounds = [(one.iteration, getattr(one.accuracy, end)) for one in arm_curve(lines).points]
        assert [(one.step, one.value) for one in mean] == bounds
        run = runs[f"tiny/{arm}/seed-{lines[0].seed}"].metrics
        own = [one.value for one in run if one.key == f"selection/accuracy_{end}"]
        assert own == [getattr(one.accuracy, end) for one in lines[0].points]
        assert len(bounds) == len(own) == 3


def summary_of(root: Path) -> RunRecord:
    return next(run for run in project(load("tiny", root)).runs if run.id.endswith("/summary"))


def test_the_report_is_logged_with_the_examples_that_it_links_to(tmp_path: Path) -> None:
    Store(tmp_path)
    folder = tmp_path / "reports" / "tiny"
    (folder / "examples").mkdir(parents=True)
    for name in ("index.html", "metrics.json", "examples/index.html"):
        (folder / name).write_text(name, encoding="utf-8")
    summary = summary_of(tmp_path)
    paths = ["report/index.html", "report/metrics.json", "report/examples/index.html"]
    assert [item.path for item in summary.artifacts] == paths
    assert all(item.circumstance for item in summary.artifacts)
    assert "[All generated examples](files:tiny/" in summary.note
    # A page in many files is not shown by MLflow, and large: what was logged is the report alone.
    (folder / "examples" / "part-0.js").write_text("part", encoding="utf-8")
    summary = summary_of(tmp_path)
    assert [item.path for item in summary.artifacts] == paths[:2]
    assert "report/index.html" in summary.note and "examples" not in summary.note
