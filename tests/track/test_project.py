"""What of results becomes runs, where it is decided in `project` itself."""

from pathlib import Path

from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.ledger import Cost
from dataenvgym_spec.track.project import _with_axes, project
from dataenvgym_spec.track.runs import Metric, RunRecord
from tests.support.tracked import Store


def test_a_curve_by_examples_counts_what_the_student_was_taught() -> None:
    """An agent that observes another arm's student needs that one's examples, and teaches none of them."""
    point = Metric(key="selection/accuracy", value=0.5, step=2, timestamp=0)
    cost = Cost(examples=540, seconds=7.2)
    axes = {metric.key: metric.step for metric in _with_axes([point], cost, 360)}
    assert axes["selection/accuracy_by_examples"] == 360
    assert axes["selection/accuracy_by_seconds"] == 7


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
