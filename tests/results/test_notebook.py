"""`load` for a notebook: typed tables, the same numbers as the report, and data frames."""

import json
import sys
from pathlib import Path

import pytest

import dataenvgym_spec
from dataenvgym_spec.core.errors import MissingExtra, UserError
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.results.evidence.contrasts import comparison
from dataenvgym_spec.results.notebook import Notebook
from dataenvgym_spec.results.run import Iteration, Run
from dataenvgym_spec.results.stage import StageResult
from dataenvgym_spec.results.tables import ScoreRow, Table
from dataenvgym_spec.track.project import project
from tests.support.commands import call
from tests.support.repositories import new_repo


@pytest.fixture(scope="module")
def tiny(finished: Path) -> Notebook:
    return dataenvgym_spec.load("tiny", finished)


def test_scores_are_those_of_the_report(tiny: Notebook) -> None:
    report = json.loads((tiny.layout.report("tiny") / "metrics.json").read_text(encoding="utf-8"))
    sealed = [row for row in tiny.scores() if row.split == "test"]
    assert [(row.arm, row.student) for row in sealed] == [
        (arm, student) for arm in ("with-state", "no-state") for student in ("base", "best", "last")
    ]
    for row in sealed:
        told = report["arms"][row.arm][row.student]
        assert (row.items, row.iteration) == (told["items"], told["iteration"])
        assert told["accuracy"] == pytest.approx(row.accuracy, abs=1e-5)
        assert (told["ci_low"], told["ci_high"]) == pytest.approx((row.low, row.high), abs=1e-5)
    selection = [row for row in tiny.scores() if row.split == "selection"]
    assert [(row.arm, row.iteration) for row in selection] == [
        (arm, number) for arm in ("with-state", "no-state") for number in range(3)
    ]


def test_tracking_says_the_same_numbers(tiny: Notebook) -> None:
    values = {}
    for run in project(tiny).runs:
        for metric in run.metrics:
            values[run.id, metric.key, metric.step] = metric.value
    for row in tiny.scores():
        if row.split == "test":
            summary = f"tiny/{row.arm}/summary"
            assert values[summary, f"test/{row.student}", 0] == row.accuracy
            assert values[summary, f"test/{row.student}_low", 0] == row.low
            assert values[summary, f"test/{row.student}_high", 0] == row.high
        else:
            key = f"tiny/{row.arm}/seed-{row.seed}", "selection/accuracy", row.iteration
            assert values[key] == row.accuracy
    for question in tiny.index.contrasts:
        answer = comparison(tiny, question)
        assert answer is not None
        name = f"test/{question.student} minus {question.student} of {question.against}"
        value = values[f"tiny/{question.arm}/summary", name, 0]
        assert value == answer.difference.value


def test_items_of_the_sealed_test_are_those_that_were_evaluated(tiny: Notebook) -> None:
    rows = tiny.items("test")
    assert {row.student for row in rows} == {"base", "best", "last"}
    assert len(rows) == 2 * 3 * 12
    assert {row.student for row in tiny.items("selection")} == {""}
    assert {row.arm for row in tiny.items("hidden")} == {"with-state"}
    with pytest.raises(UserError, match="there is no split 'tset'"):
        tiny.items("tset")  # type: ignore[arg-type]


def test_examples_plans_and_skills(tiny: Notebook) -> None:
    first = tiny.examples(1)
    assert {row.iteration for row in first} == {1}
    assert len(tiny.examples()) == len(first) + len(tiny.examples(2))
    assert all(bool(row.check) is not row.accepted for row in tiny.examples())
    plans = [row for row in tiny.plans() if row.arm == "no-state" and row.iteration == 1]
    assert [(row.skill, row.asked, row.score_seen) for row in plans] == [
        ("lcm", 15, None),
        ("sum", 15, None),
    ]
    taught = sum(row.accepted for row in first if row.arm == "no-state")
    assert sum(row.accepted for row in plans) == taught
    assert {row.group for row in tiny.skills()} == {"lcm", "sum"}


def test_every_stage_is_paid_once(tiny: Notebook) -> None:
    rows = tiny.ledger()
    assert len({row.stage for row in rows}) == len(rows) == len(tiny.stages)
    shared = [row for row in rows if row.arms == "with-state no-state"]
    assert {"student", "data"} <= {row.kind for row in shared}
    report = json.loads((tiny.layout.report("tiny") / "metrics.json").read_text(encoding="utf-8"))
    assert sum(row.seconds for row in rows) == pytest.approx(report["cost"]["seconds"], abs=0.1)


def test_students_can_be_loaded(tiny: Notebook) -> None:
    rows = tiny.students()
    assert [(row.arm, row.iteration) for row in rows] == [
        (arm, number) for arm in ("with-state", "no-state") for number in range(3)
    ]
    assert all((row.path / "config.json").is_file() and not row.adapter for row in rows)
    for arm in ("with-state", "no-state"):
        mine = [row for row in rows if row.arm == arm]
        assert (sum(row.best for row in mine), [row.last for row in mine].index(True)) == (1, 2)


def test_what_a_running_experiment_has_reached_is_looked_up_each_time(tmp_path: Path) -> None:
    gate = StageResult(key="g", kind="gate", path=tmp_path, inputs=(), uses=())
    turns = (Iteration(number=0, stages=()), Iteration(number=1, stages=(gate,)))
    run = Run(arm="a", seed=0, iterations=turns, closing=())
    assert (run.reached, run.stopped) == (1, None)
    (tmp_path / "out" / "gate").mkdir(parents=True)
    write_json(tmp_path / "out" / "gate" / "gate.json", {"stop": True})
    (tmp_path / "log").mkdir()
    write_json(tmp_path / "log" / "run.json", {"started": 0.0, "seconds": {"total": 1.0}})
    assert (run.reached, run.stopped) == (0, 0)


def test_a_table_is_a_data_frame(tiny: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tiny.scores()
    frame = table.to_pandas()
    assert list(frame.columns) == list(table.columns) and len(frame) == len(table)
    assert frame.groupby("split").size().to_dict() == {"selection": 6, "test": 6}
    assert list(Table(ScoreRow, ()).to_pandas().columns) == list(table.columns)
    assert table[:2].rows == table.rows[:2] and table[0] == table.rows[0]
    assert "12 rows" in repr(table)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra) as error:
        table.to_pandas()
    assert "pip install 'dataenvgym-spec[frames]'" in error.value.help


def test_no_table_needs_an_extra(tiny: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("scipy", "scipy.stats", "matplotlib", "pandas"):
        monkeypatch.setitem(sys.modules, package, None)
    assert len(tiny.scores()) == 12
    tables = [tiny.items("test"), tiny.examples(), tiny.plans(), tiny.skills(), tiny.ledger()]
    assert all(tables)


def test_what_has_not_run_yet_has_no_rows(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo")
    call("dataenvgym", "compile", cwd=repo)
    book = dataenvgym_spec.load("tiny", repo)
    tables = [book.scores(), book.items("test"), book.examples(), book.plans(), book.skills()]
    assert not any([*tables, book.ledger(), book.students()])


def test_the_face_of_the_package() -> None:
    assert {name: getattr(dataenvgym_spec, name) for name in dataenvgym_spec.__all__}
    with pytest.raises(AttributeError):
        dataenvgym_spec.nothing  # noqa: B018


def test_a_notebook_shows_an_experiment_in_a_line(tiny):
    assert len(repr(tiny)) < 200
    assert "'tiny': arms " in repr(tiny)


def test_a_notebook_shows_runs_and_stages_in_a_line_each(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo")
    call("dataenvgym", "compile", cwd=repo)
    results = dataenvgym_spec.load("tiny", repo)
    run = results.runs[0]
    for part in (*results.runs, *run.iterations, *results.stages):
        assert len(repr(part)) < 120
    assert repr(run) == f"<Run 'with-state', seed 0: 0 of {len(run.stages)} stages done>"
