"""Tracking on a store that is written file by file like the executors write it, with a real MLflow server and real databases."""

import contextlib
import json
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from requests.adapters import HTTPAdapter

from dataenvgym_spec.cli.main import main
from dataenvgym_spec.cli.track import command
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from dataenvgym_spec.track import differences, track
from dataenvgym_spec.track.address import shown
from dataenvgym_spec.track.background import start_in_background
from dataenvgym_spec.track.clones import PREFIX
from dataenvgym_spec.track.naming import slug
from dataenvgym_spec.track.project import project
from tests.support.mlflow_servers import free_port, ui
from tests.support.repositories import call, environment
from tests.support.taught import Taught
from tests.support.tracked import ARMS, EPOCH, LABELS, SEALED, Store, answers
from tests.support.waiting import wait_until

READY = 2
"""MLflow's number for a logged model that is complete."""


def dump(database: Path, artifacts: Path | None = None) -> dict:
    """All that a database says of the active runs that are ours, with nothing in it that depends on the server's own ids."""
    with contextlib.closing(sqlite3.connect(database)) as base:
        names: dict[str, str] = dict(
            base.execute(
                "select t.run_uuid, t.value from tags t join runs r using (run_uuid) where t.key = 'dataenvgym.id' and r.lifecycle_stage = 'active'"
            )
        )
        assert len(set(names.values())) == len(names), "two runs with one id"
        out: dict = {name: {} for name in names.values()}
        models = dict(
            base.execute(
                "select model_id, source_run_id from logged_models where lifecycle_stage = 'active'"
            )
        )
        ids = dict(names) | {model: f"student of {names[run]}" for model, run in models.items()}
        for run, name in names.items():
            out[name]["run"] = base.execute(
                "select name, status, start_time, end_time from runs where run_uuid = ?", (run,)
            ).fetchall()
            tags = base.execute("select key, value from tags where run_uuid = ?", (run,))
            out[name]["tags"] = {
                key: plain(value, ids)
                for key, value in tags
                if key != "mlflow.user" and not key.startswith(PREFIX)
            }
            out[name]["params"] = dict(
                base.execute("select key, value from params where run_uuid = ?", (run,))
            )
            for table in ("metrics", "latest_metrics"):
                out[name][table] = sorted(
                    base.execute(
                        f"select key, step, timestamp, value, is_nan from {table} where run_uuid = ?",
                        (run,),
                    )
                )
            inputs = "select d.name, d.digest, d.dataset_source, d.dataset_profile, t.value from inputs i join datasets d on d.dataset_uuid = i.source_id"
            inputs += " join input_tags t on t.input_uuid = i.input_uuid where i.destination_id = ?"
            out[name]["inputs"] = sorted(base.execute(inputs, (run,)))
            out[name]["links"] = sorted(
                (kind, ids.get(model, model))
                for kind, model in base.execute(
                    "select destination_type, destination_id from inputs where source_id = ? and destination_type like 'MODEL%'",
                    (run,),
                )
            )
            out[name]["students"] = [
                student(base, model, ids) for model, source in models.items() if source == run
            ]
            if artifacts:
                files = sorted(
                    path for path in artifacts.rglob("*") if path.is_file() and run in path.parts
                )
                out[name]["files"] = {
                    path.as_posix().partition("/artifacts/")[2]: path.read_bytes() for path in files
                }
    return out


def plain(text: str, ids: dict[str, str]) -> str:
    """A text with our names in place of the server's ids."""
    for name in re.findall(r"m?-?[0-9a-f]{32}", text):
        text = text.replace(name, ids.get(name, name))
    return text


def student(base: sqlite3.Connection, model: str, ids: dict[str, str]) -> list:
    """All that a database says of a logged model but when it was made and last changed."""
    rows = [base.execute("select name, status from logged_models where model_id = ?", (model,))]
    for question in (
        "select param_key, param_value from logged_model_params where model_id = ?",
        "select tag_key, tag_value from logged_model_tags where model_id = ?",
        "select metric_name, metric_step, metric_timestamp_ms, metric_value, run_id from logged_model_metrics where model_id = ?",
    ):
        rows.append(base.execute(question, (model,)))
    return [
        sorted(
            tuple(plain(value, ids) if isinstance(value, str) else value for value in row)
            for row in some
            if not str(row[0]).startswith(PREFIX)
        )
        for some in rows
    ]


def dump_of(root: Path) -> dict:
    return dump(root / "mlflow.db", root / "mlartifacts")


def ids_of(database: Path) -> set[str]:
    with contextlib.closing(sqlite3.connect(database)) as base:
        return {
            row[0]
            for row in base.execute("select run_uuid from runs where lifecycle_stage = 'active'")
        }


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> Path:
    """A repository that was tracked once, from no database at all, by the command."""
    root = tmp_path_factory.mktemp("first") / "repo"
    root.mkdir()
    Store(root)
    result = call("dataenvgym", "track", cwd=root)
    assert "9 runs made" in result.stdout and "dataenvgym ui" in result.stdout and not result.stderr
    (root.parent / "said.txt").write_text(result.stdout, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def empty(tmp_path_factory, first) -> Path:
    """A database with MLflow's tables and nothing of ours in them; making one takes seconds."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    shutil.copy(first / "mlflow.db", path)
    empty_out(path)
    return path


def empty_out(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as base:
        for table in (
            "metrics",
            "latest_metrics",
            "params",
            "tags",
            "input_tags",
            "inputs",
            "datasets",
            "logged_model_metrics",
            "logged_model_params",
            "logged_model_tags",
            "logged_models",
            "runs",
            "experiment_tags",
        ):
            base.execute(f"delete from {table}")
        base.execute("delete from experiments where name = 'tiny'")
        base.commit()


@pytest.fixture(scope="module")
def opening(tmp_path_factory, empty):
    """`dataenvgym ui` in a repository, starting, and the folder of that."""
    folder = tmp_path_factory.mktemp("ui")
    Store(folder)
    shutil.copy(empty, folder / "mlflow.db")
    with ui(folder) as started:
        yield folder, started


@pytest.fixture(scope="module")
def server(opening):
    """The server of the UI, which answers, with nothing of ours in its database: folder and address."""
    folder, started = opening
    started.look()
    empty_out(folder / "mlflow.db")
    return folder, f"http://127.0.0.1:{started.port}"


@pytest.fixture
def root(tmp_path, empty, opening, monkeypatch) -> Path:
    """A repository to be, with an empty database, tracked to by default."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("DATAENVGYM_TRACK", "1")
    (tmp_path / "repo").mkdir()
    shutil.copy(empty, tmp_path / "repo" / "mlflow.db")
    return tmp_path / "repo"


def values_in(said: str) -> int:
    """How many values `track` says that it has added."""
    (count,) = re.findall(r"(\d+) values? added", said)
    return int(count)


def done(root: Path, **more):
    return track(Layout(root=root), ["tiny"], **more)


def requests(patched: pytest.MonkeyPatch) -> list[str]:
    """What is asked of servers from now on."""
    asked: list[str] = []
    send = HTTPAdapter.send

    def counted(self, request, **more):
        asked.append(request.url.partition("?")[0].partition("mlflow/")[2])
        return send(self, request, **more)

    patched.setattr(HTTPAdapter, "send", counted)
    return asked


def histories(patched: pytest.MonkeyPatch) -> list[str]:
    """The curves that are read from now on, each by a question of its own."""
    from mlflow.tracking import MlflowClient

    read: list[str] = []
    history = MlflowClient.get_metric_history

    def counted(self, run_id: str, key: str):
        read.append(key)
        return history(self, run_id, key)

    patched.setattr(MlflowClient, "get_metric_history", counted)
    return read


def runs_of(root: Path) -> dict:
    return {run.id: run for run in project(load("tiny", root)).runs}


def base_of(runs: dict):
    """The run of the base student, of which there is one."""
    (base,) = (run for name, run in runs.items() if name.startswith("tiny/base/"))
    return base


def series(run, key: str) -> list[tuple[int, float]]:
    return [(metric.step, round(metric.value, 4)) for metric in run.metrics if metric.key == key]


def test_projecting_needs_no_mlflow(tmp_path) -> None:
    Store(tmp_path)
    code = "import sys; from dataenvgym_spec.results.experiment import load; from dataenvgym_spec.track import track; from dataenvgym_spec.track.project import project; import dataenvgym_spec.track.background\n"
    code += "assert len(project(load('tiny')).runs) == 9; print([name for name in ('mlflow', 'sqlalchemy', 'scipy', 'ssl', 'http.client') if name in sys.modules])"
    assert call(sys.executable, "-c", code, cwd=tmp_path).stdout.strip() == "[]"


def test_curves_have_the_axes_that_arms_are_compared_by(tmp_path) -> None:
    Store(tmp_path)
    seeing, blind = (runs_of(tmp_path)[f"tiny/{arm}/seed-0"] for arm in ARMS)
    for run in (seeing, blind):
        assert series(run, "selection/accuracy") == [(0, 0.125), (1, 0.25), (2, 0.375)]
        assert series(run, "selection/truncated") == [(0, 1), (1, 1), (2, 1)]
        assert series(run, "selection/unparseable") == [(0, 0), (1, 0), (2, 0)]
        assert series(run, "selection/skill/gcd") == [(0, 0.125), (1, 0.25), (2, 0.375)]
        assert series(run, "selection/accuracy_by_examples") == [(0, 0.125), (5, 0.25), (10, 0.375)]
    # Blind: 40 generated and 100 trained tokens, then 40 and 200 more; four stages of 2.5 s an iteration.
    assert series(blind, "selection/accuracy_by_tokens") == [(0, 0.125), (140, 0.25), (380, 0.375)]
    assert series(blind, "selection/accuracy_by_seconds") == [(0, 0.125), (10, 0.25), (20, 0.375)]
    # Seeing: the evaluations on feedback as well, 99 + 7 tokens and 2.5 s, then 2.5 s.
    assert series(seeing, "selection/accuracy_by_tokens") == [(0, 0.125), (246, 0.25), (486, 0.375)]
    assert series(seeing, "selection/accuracy_by_seconds") == [(0, 0.125), (12, 0.25), (25, 0.375)]
    first = next(metric for metric in seeing.metrics if metric.key == "selection/accuracy")
    assert first.timestamp == (EPOCH + 20) * 1000 + 2625
    assert (
        dict(seeing.params)["agent.observe"] == "with-state"
        and len(dict(seeing.params)["prompt"]) == 500
    )
    assert {"arm": "with-state", "seed": "0", "level": "skill-list", "kind": "run"}.items() <= dict(
        seeing.tags
    ).items()


def test_iterations_show_their_data_and_the_state_of_the_teacher(tmp_path) -> None:
    Store(tmp_path)
    child = runs_of(tmp_path)["tiny/with-state/seed-0/iteration-1"]
    assert child.parent == "tiny/with-state/seed-0"
    assert [(item.context, item.rows, item.source.split("/")[-2]) for item in child.datasets] == [
        ("generated", 9, "candidates"),
        ("accepted", 5, "accepted"),
    ]
    assert all(
        (tmp_path / item.source).is_file() and len(item.digest) <= 36 for item in child.datasets
    )
    assert (
        series(child, "train/loss")[0] == (10, round(1 / 11, 4))
        and len(series(child, "train/loss")) == 3
    )
    assert series(child, "teaching/rejected/duplicate") == [(1, 3)] and series(
        child, "teaching/accepted_share"
    ) == [(1, 0.625)]
    files = {item.path: item.text for item in child.artifacts}
    assert set(files) == {
        "plan/plan.json", "plan/plan.md", "checks/tally.json", "ledger/ledger.json",
        "examples/some.md",
    }  # fmt: skip
    said = (files["examples/some.md"] or "").splitlines()[0]
    assert said == "5 of 5 accepted examples; `dataenvgym trace ID` shows any."
    assert "| gcd | 0.500 | 4 | it \\| is weak |" in files["plan/plan.md"]


def test_sealed_scores_are_in_summaries_only(tmp_path) -> None:
    Store(tmp_path)
    runs = runs_of(tmp_path)
    summaries = [run for run in runs.values() if dict(run.tags)["kind"] == "summary"]
    assert [series(run, "test/best") for run in summaries] == [[(0, round(11 / 16, 4))]] * 2
    assert series(summaries[0], "test/base_items") == [(0, 16)] and series(
        summaries[0], "test/best minus best of no-state"
    ) == [(0, 0)]
    assert (
        series(summaries[0], "test/last_low")[0][1]
        < 7 / 16
        < series(summaries[0], "test/last_high")[0][1]
    )
    contrast = "test/best minus best of no-state"
    low, high, p = (series(summaries[0], f"{contrast}_{end}")[0][1] for end in ("low", "high", "p"))
    assert low < 0 < high and p == 1
    sealed = {right / 16 for right in SEALED.values()}
    for run in runs.values():
        if run not in summaries:
            assert not [
                metric
                for metric in run.metrics
                if metric.key.startswith("test") or metric.value in sealed
            ]
    two = Store(tmp_path / "two", seeds=(0, 1))
    summary = runs_of(two.root)["tiny/no-state/summary"]
    assert series(summary, "test/best_deviation") == [(0, 0)]
    # Both runs score the same, so that the interval is over items.
    (low,), (high,) = (series(summary, f"test/best_{end}") for end in ("low", "high"))
    assert low[1] + 0.2 < 11 / 16 < high[1] - 0.1


def test_a_baseline_stands_beside_the_base_in_summaries_only(tmp_path) -> None:
    store = Store(tmp_path)
    path = tmp_path / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    folders = {row["directory"]: tmp_path / "store" / row["directory"] for row in index["stages"]}
    (base,) = [
        row
        for row in index["stages"]
        if row["uses"][0]["iteration"] == 0 and (folders[row["directory"]] / "out/test").is_dir()
    ]
    uses = [{**use, "baseline": "few-shot"} for use in base["uses"]]
    few = {**base, "directory": "evaluate-few", "key": "few", "uses": uses}
    folder = shutil.copytree(folders[base["directory"]], store.root / "store" / "evaluate-few")
    write_rows(folder / "out" / "test" / "results.jsonl", answers(14))
    write_json(path, {**index, "stages": [*index["stages"], few]})
    for name, run in runs_of(tmp_path).items():
        shown = series(run, "test/few-shot")
        assert shown == ([(0, 0.875)] if name.endswith("/summary") else [])
        assert bool(shown) or 0.875 not in [metric.value for metric in run.metrics]


def test_other_tests_and_every_student_on_the_test_are_in_summaries_only(tmp_path) -> None:
    store = Store(tmp_path)
    path = tmp_path / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    more = []
    for row in index["stages"]:
        folder = store.root / "store" / row["directory"]
        if row["kind"] != "evaluate" or not (folder / "out/test").is_dir():
            continue
        is_base = row["uses"][0]["iteration"] == 0
        for mark in ("probe", "each"):
            if mark == "each" and is_base:
                continue
            uses = [{**use, mark: 2 if mark == "each" else "old tasks"} for use in row["uses"]]
            key = f"{mark}-{row['key'][:8]}"
            more.append({**row, "directory": f"evaluate-{key}", "key": key, "uses": uses})
            new = shutil.copytree(folder, store.root / "store" / f"evaluate-{key}")
            turns = [{}] if is_base or mark == "each" else [{"iteration": 1}, {"iteration": 2}]
            rows = [{**turn, **answer} for turn in turns for answer in answers(14)]
            write_rows(new / "out" / "test" / "results.jsonl", rows)
    write_json(path, {**index, "stages": [*index["stages"], *more]})
    for name, run in runs_of(tmp_path).items():
        is_summary = name.endswith("/summary")
        for student in ("base", "best", "last"):
            assert series(run, f"probe/old tasks/{student}") == [(0, 0.875)] * is_summary
        assert series(run, "test/each") == [(2, 0.875)] * is_summary
        assert is_summary or 0.875 not in [metric.value for metric in run.metrics]


def test_what_draws_left_out_and_what_was_unreadable_is_shown(tmp_path) -> None:
    store = Store(tmp_path)
    stages = {row["kind"]: row["directory"] for row in store.stages.values()}
    evaluations: dict[tuple, list[str]] = {}
    for row in store.stages.values():
        if row["kind"] == "evaluate":
            use = row["uses"][0]
            evaluations.setdefault((use["arm"], use["iteration"]), []).append(row["directory"])
    first, base = evaluations["with-state", 1], evaluations["with-state", 0][1]
    trainings = [row["directory"] for row in store.stages.values() if row["kind"] == "train"]
    assert len(first) == 2 and (tmp_path / "store" / base / "out" / "test").is_dir()
    notes = {
        stages["data"]: {"skipped": {"repeated rows": 12}, "wrong_gold": 3},
        evaluations["with-state", None][0]: {"unreadable": {"timeout": 2}},
        base: {"unreadable": {"timeout": 5}},
        first[0]: {"unreadable": {"ValueError": 1}},
        first[1]: {"unreadable": {"ValueError": 3}},
        stages["student"]: {"cut": 2},
        trainings[0]: {"cut": 4, "left_out": 1},
    }
    for directory, more in notes.items():
        path = tmp_path / "store" / directory / "log" / "run.json"
        write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **more})
    runs = runs_of(tmp_path)
    for arm in ARMS:
        run = runs[f"tiny/{arm}/seed-0"]
        assert series(run, "data/skipped/data/repeated rows") == [(0, 12)]
        assert series(run, "judging/wrong_gold/data") == [(0, 3)]
        assert not series(run, "judging/unreadable/timeout")
    base_run, taught = base_of(runs), runs["tiny/with-state/seed-0/iteration-1"]
    assert dict(base_run.params)["train.cut"] == "2"
    assert {"train.cut": "4", "train.left_out": "1"}.items() <= dict(taught.params).items()
    # Sums: over the evaluations of an iteration, and over those on the sealed test.
    run = runs["tiny/with-state/seed-0"]
    assert series(run, "judging/unreadable/ValueError") == [(1, 4)]
    assert series(runs["tiny/with-state/summary"], "judging/unreadable/timeout") == [(0, 7)]


def test_a_seed_more_changes_no_run_that_was_there(tmp_path) -> None:
    Store(tmp_path)
    before = runs_of(tmp_path)
    Store(tmp_path, seeds=(0, 1))
    after = runs_of(tmp_path)
    shifted = 0
    for name, record in before.items():
        if name.endswith("/summary"):
            continue
        assert (after[name].plan, after[name].results) == (record.plan, record.results)
        shifted += after[name].start != record.start
    # The runs stand in another order now, for which none is made anew.
    assert shifted


def test_a_contrast_of_unequal_amounts_says_so(tmp_path) -> None:
    summary, tag = "tiny/with-state/summary", "test/best minus best of no-state amounts"
    Store(tmp_path / "equal")
    assert tag not in dict(runs_of(tmp_path / "equal")[summary].tags)
    Store(tmp_path / "fewer", fewer=2)
    said = dict(runs_of(tmp_path / "fewer")[summary].tags)[tag]
    assert said == "unequal: 5 of 10 examples against 3 of 10 examples"


def test_tracking_again_changes_nothing(root) -> None:
    Store(root)
    first = done(root)
    assert (first.runs, first.created, first.removed) == (9, 9, 0)
    held_now, ids = dump_of(root), ids_of(root / "mlflow.db")
    again, all_read = done(root), done(root, thorough=True)
    assert (again.created, again.removed, again.logged, all_read.logged) == (0, 0, 0, 0)
    assert (dump_of(root), ids_of(root / "mlflow.db")) == (held_now, ids)
    assert (
        held_now["tiny/no-state/seed-0/iteration-2"]["tags"]["mlflow.parentRunId"]
        == "tiny/no-state/seed-0"
    )
    assert [row[1] for row in held_now["tiny/no-state/seed-0"]["run"]] == ["FINISHED"]
    assert (
        sum(row[4] for row in held_now["tiny/no-state/seed-0/iteration-2"]["metrics"]) == 1
    )  # the loss that is no number


def test_it_fills_as_the_experiment_goes_on(root, tmp_path, empty, monkeypatch) -> None:
    # Unequal amounts are said by a tag, which is added to a run that is there.
    Store(root, upto=0, closed=False, fewer=2)
    done(root)
    ids = ids_of(root / "mlflow.db")
    assert {rows["run"][0][0]: rows["run"][0][1] for rows in dump_of(root).values()} == {
        "base student": "FINISHED",
        "with-state, seed 0": "RUNNING", "with-state, summary": "RUNNING",
        "no-state, seed 0": "RUNNING", "no-state, summary": "RUNNING",
    }  # fmt: skip
    read = histories(monkeypatch)
    for upto, closed in ((1, False), (2, False), (2, True)):
        Store(root, upto=upto, closed=closed, fewer=2)
        folder = root / "reports" / "tiny"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(f"<p>{upto} {closed}</p>")
        assert done(root).removed == 0
        assert ids < ids_of(root / "mlflow.db")
    # Only those of several points of the two runs that went on, not of nine runs each time.
    assert 0 < max(Counter(read).values()) <= 2 * 3
    whole = tmp_path / "whole"
    shutil.copytree(root, whole, ignore=shutil.ignore_patterns("mlflow.db", "mlartifacts"))
    shutil.copy(empty, whole / "mlflow.db")
    done(whole)
    assert dump_of(root) == dump_of(whole)
    assert dump_of(root)["tiny/no-state/summary"]["files"] == {
        "report/index.html": b"<p>2 True</p>"
    }


def test_a_deleted_database_comes_back(root, first) -> None:
    Store(root)
    done(root)
    # `first` had no database and no artifacts: that is what a deleted one leaves.
    again = dump_of(root)
    assert again == dump_of(first)
    base = again["tiny/no-state/seed-0"]
    quality = {key: value for key, _, _, value, _ in base["latest_metrics"] if "quality" in key}
    assert quality == {
        "skills/quality/coverage": 0.75,
        "skills/quality/balance": 0.5,
        "skills/quality/left_out": 1,
    }
    assert b'"gcd"' in base["files"]["skills/skills.json"]
    # By skills that test is labelled with, in the summary alone.
    right = {
        name: {key: value for key, _, _, value, _ in rows["latest_metrics"] if "/skill/" in key}
        for name, rows in again.items()
    }
    wanted = {"base": (3 / 8, 0), "best": (1, 3 / 8), "last": (7 / 8, 0)}
    shown = right["tiny/no-state/summary"]
    shares = {
        f"test/{student}/skill/{skill}": share
        for student, shares in wanted.items()
        for skill, share in zip((slug(LABELS[1]), LABELS[0]), shares, strict=True)
    }
    assert {key for key in shown if not key.endswith(("_low", "_high"))} == set(shares)
    for key, share in shares.items():
        assert shown[key] == share
        assert shown[f"{key}_low"] <= share <= shown[f"{key}_high"]
        # Eight items say little.
        assert shown[f"{key}_high"] - shown[f"{key}_low"] > 0.3
    runs = [name for name in right if not name.endswith("summary")]
    assert not any(key.startswith("test/") for name in runs for key in right[name])


def test_all_that_teaching_leaves_is_back_once(root) -> None:
    """Deleted and projected again: candidates, rejected ones, skills, trees, allocation, reward, yields, ledger."""
    Taught(root)
    done(root)
    before = dump_of(root)
    empty_out(root / "mlflow.db")
    shutil.rmtree(root / "mlartifacts")
    assert not dump_of(root)
    done(root)
    assert dump_of(root) == before
    assert not differences(Layout(root=root), ["tiny"])
    seeing, blind = (before[f"tiny/{arm}/seed-0/iteration-2"] for arm in ARMS)
    for child in (seeing, blind):
        contexts = [row[4] for row in child["inputs"]]
        assert sorted(contexts) == ["accepted", "generated", "rejected"]
        assert {"plan/state.json", "checks/yield.json", "ledger/ledger.json"} <= child[
            "files"
        ].keys()
    base = before["tiny/with-state/seed-0"]
    assert json.loads(base["files"]["skills/skills.json"])["skills"]
    tree = json.loads(seeing["files"]["plan/tree.json"])
    assert (tree["gcd"]["reward"], tree["gcd"]["move"]["kind"]) == (0.125, "exploit")
    assert (
        "| gcd |  | 10 | 5 | 10 | 0.500 of 8 | +0.125 | exploit "
        in seeing["files"]["plan/tree.md"].decode()
    )
    assert "plan/tree.json" not in blind["files"]
    ledger = json.loads(seeing["files"]["ledger/ledger.json"])
    assert ledger["all"]["rejected"] == {"duplicate": 2, "scorable": 1, "surplus": 1}
    assert ledger["kinds"]["generate"]["images"] == 3
    assert ledger["kinds"]["generate"]["requests"] == 4 and ledger["calls"]["unreadable"] == 1
    curves = [
        (key, step, value) for key, step, _, value, _ in before["tiny/with-state/seed-0"]["metrics"]
    ]
    for point in (
        ("teaching/allocation/gcd", 1, 10), ("teaching/reward/gcd", 2, 0.125), ("teaching/subskills/gcd", 2, 2),
        ("yield/requested", 1, 10), ("yield/judged", 1, 8), ("yield/after/scorable", 1, 7), ("yield/after/known", 1, 5),
        ("teachers/requests", 1, 4), ("teachers/images", 1, 3),
    ):  # fmt: skip
        assert curves.count(point) == 1, point
    # Nothing was taught before the first plan: there is no reward, and none is made up.
    assert ("teaching/reward/gcd", 1) not in {point[:2] for point in curves}


def test_what_cannot_be_taken_back_is_replaced(root, monkeypatch) -> None:
    Store(root)
    done(root)
    shutil.rmtree(root / "store")
    Store(root, rate=0.002)
    # A tag says that they are of another plan.
    with monkeypatch.context() as patched:
        read = histories(patched)
        assert done(root).removed == 9 and read == []
    assert dump_of(root)["tiny/no-state/seed-0"]["params"]["rate"] == "0.002"
    shutil.rmtree(root / "store")
    Store(root, rate=0.002, epoch=EPOCH + 5000)
    # The same results at another time are the same runs.
    again = done(root)
    assert (again.created, again.removed) == (0, 0)
    assert not differences(Layout(root=root), ["tiny"])


def test_a_clone_that_has_less_takes_nothing_away(root) -> None:
    Store(root)
    done(root)
    before = dump_of(root)
    shutil.rmtree(root / "store")
    Store(root, upto=1, closed=False)
    assert done(root).removed == 0
    after = dump_of(root)
    assert {name: rows["metrics"] for name, rows in after.items()} == {
        name: rows["metrics"] for name, rows in before.items()
    }
    Store(root)
    done(root)
    assert dump_of(root) == before


def test_verify_finds_what_was_changed_by_hand(root, monkeypatch, capsys) -> None:
    from mlflow import MlflowClient

    Store(root)
    layout = Layout(root=root)
    assert any("there is no such run" in line for line in differences(layout, ["tiny"]))
    done(root)
    assert differences(layout, ["tiny"]) == []
    client = MlflowClient(tracking_uri=f"sqlite:///{root}/mlflow.db")
    (home,) = [item.experiment_id for item in client.search_experiments() if item.name == "tiny"]
    runs = {run.data.tags["dataenvgym.id"]: run.info.run_id for run in client.search_runs([home])}
    client.log_metric(runs["tiny/no-state/seed-0"], "selection/accuracy", 0.99, timestamp=5, step=1)
    client.set_tag(runs["tiny/no-state/seed-0/iteration-1"], "arm", "with-state")
    client.delete_run(runs["tiny/no-state/summary"])
    next(
        root.glob(
            f"mlartifacts/tiny/{runs['tiny/with-state/seed-0/iteration-2']}/artifacts/plan/plan.md"
        )
    ).unlink()
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as base:
        one = (runs["tiny/with-state/seed-0/iteration-2"],)
        base.execute("delete from metrics where key = 'train/loss' and step > 10 and run_uuid = ?", one)  # fmt: skip
        base.commit()
    before = dump_of(root)
    monkeypatch.chdir(root)
    code = command.main(["--verify", "--json"], standalone_mode=False)
    assert code == 1 and dump_of(root) == before
    assert json.loads(capsys.readouterr().out)["differences"] == [
        "tiny/with-state/seed-0/iteration-2: metric train/loss lacks step 20",
        "tiny/with-state/seed-0/iteration-2: metric train/loss lacks step 30",
        "tiny/with-state/seed-0/iteration-2: artifact plan/plan.md is missing or differs",
        "tiny/no-state/seed-0: metric selection/accuracy at step 1 has a point that is not of this run: 0.99",
        "tiny/no-state/seed-0/iteration-1: tag arm is missing or differs",
        "tiny/no-state/summary: there is no such run",
    ]
    # A list of runs shows the tag and the missing run, and not the others.
    done(root)
    hidden = differences(layout, ["tiny"])
    assert [line.partition(":")[0] for line in hidden] == [
        *["tiny/with-state/seed-0/iteration-2"] * 3,
        "tiny/no-state/seed-0",
    ]
    assert command.main(["--verify", "--fix"], standalone_mode=False) == 0
    assert differences(layout, ["tiny"]) == []


def test_an_experiment_in_the_bin_is_taken_out_and_a_stranger_is_left_alone(root) -> None:
    from mlflow import MlflowClient

    Store(root)
    done(root)
    before = dump_of(root)
    client = MlflowClient(tracking_uri=f"sqlite:///{root}/mlflow.db")
    home = client.get_experiment_by_name("tiny").experiment_id
    mine = client.create_run(home, run_name="mine").info.run_id
    client.delete_experiment(home)
    assert differences(Layout(root=root), ["tiny"])
    done(root)
    assert dump_of(root) == before and client.get_run(mine).info.lifecycle_stage == "active"


def test_a_database_that_moved_is_told(root, tmp_path) -> None:
    Store(root)
    done(root)
    shutil.copytree(root, tmp_path / "moved")
    with pytest.raises(UserError, match="made in another folder"):
        done(tmp_path / "moved")


def test_two_at_once_make_no_doubles_on_a_server_which_four_requests_show(
    server, tmp_path, root, monkeypatch
) -> None:
    folder, address = server
    repo = tmp_path / "remote"
    Store(repo)
    settings = environment(MLFLOW_TRACKING_URI=address)
    pair = [
        subprocess.Popen(
            ["dataenvgym", "track", "tiny"],
            cwd=repo,
            env=settings,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert (
        sum("9 runs made" in text for text in said) == 1
        and sum("nothing had to change" in text for text in said) == 1
    )
    assert all(f"{address}/#/experiments/" in text for text in said)
    # A request may take a tenth of a second, and the nine runs have two hundred and fifty curves.
    with monkeypatch.context() as patched:
        patched.setenv("MLFLOW_TRACKING_URI", address)
        asked = requests(patched)
        assert done(repo).logged == 0
    assert sorted(asked) == [
        "experiments/get", "experiments/get-by-name", "logged-models/search", "runs/search",
    ]  # fmt: skip
    Store(root)
    done(root)
    assert dump(folder / "mlflow.db", folder / "mlartifacts") == dump_of(root)


def test_inputs_that_another_clone_logs_at_the_same_moment_are_there_once(
    root, monkeypatch
) -> None:
    """The server has not seen them when it looks, and refuses to write them when it writes."""
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    refused: set[str] = set()
    log_inputs = MlflowClient.log_inputs

    def beside_another(self, run_id, datasets=None, models=None) -> None:
        log_inputs(self, run_id, datasets, models)
        if datasets and run_id not in refused:
            refused.add(run_id)
            said = "(sqlite3.IntegrityError) UNIQUE constraint failed: inputs.source_type"
            raise MlflowException(said)

    Store(root)
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_inputs", beside_another)
        assert done(root).created == 9
    held_now = dump_of(root)
    assert refused
    again = done(root)
    assert (again.created, again.logged) == (0, 0)
    assert dump_of(root) == held_now
    inputs = [row["inputs"] for row in held_now.values() if row.get("inputs")]
    assert inputs and all(len(rows) == len(set(map(str, rows))) for rows in inputs)


@pytest.mark.parametrize("status", ["PERMISSION_DENIED", "INTERNAL_ERROR"])
def test_what_was_changed_counts_also_before_a_fault(status: str, root, first, monkeypatch) -> None:
    """After one that is tried again at once, and with the command that goes on after another."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos import databricks_pb2
    from mlflow.tracking import MlflowClient

    Store(root)
    ended, end = [], MlflowClient.set_terminated

    def failing(self, run_id, **more) -> None:
        ended.append(run_id)
        if len(ended) == 5:
            raise MlflowException("refused", error_code=getattr(databricks_pb2, status))
        end(self, run_id, **more)

    monkeypatch.setattr(MlflowClient, "set_terminated", failing)
    said = [call("dataenvgym", "track", cwd=root, ok=status == "PERMISSION_DENIED")]
    if status == "INTERNAL_ERROR":
        assert "until it failed: 5 runs made, " in said[0].stderr
        said.append(call("dataenvgym", "track", cwd=root))
        assert "4 runs made" in said[1].stdout
    whole = (first.parent / "said.txt").read_text(encoding="utf-8")
    assert sum(values_in(one.stdout + one.stderr) for one in said) == values_in(whole)
    assert len(ended) == 10


def test_a_server_that_is_down_is_said_after_few_tries(tmp_path, monkeypatch, capsys) -> None:
    Store(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:secret@127.0.0.1:{free_port()}")
    monkeypatch.setattr(sys, "argv", ["dataenvgym", "track"])
    tried: list[object] = []
    connect = socket.socket.connect

    def counted(self: socket.socket, address: object) -> None:
        tried.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", counted)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert (
        ended.value.code == 2
        and said.startswith("error: tracking at http://127.0.0.1:")
        and "= help: " in said
    )
    assert "secret" not in said and "Traceback" not in said
    # MLflow's own settings try eight times, with longer and longer waits.
    assert 0 < len(tried) <= 3


def test_background_tracking_never_fails_and_never_queues(root, monkeypatch) -> None:
    Store(root)
    layout = Layout(root=root)
    log = root / ".dataenvgym" / "track.log"
    call(
        sys.executable,
        "-m",
        "dataenvgym_spec.track.background",
        "tiny",
        cwd=root,
        MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}",
    )
    with held(layout.lock("track-next-tiny")) as first:
        assert first
        assert (
            call(sys.executable, "-m", "dataenvgym_spec.track.background", "tiny", cwd=root).stdout
            == ""
        )
    monkeypatch.setenv("DATAENVGYM_TRACK", "0")
    assert not start_in_background(layout, "tiny") and not log.exists()
    monkeypatch.setenv("DATAENVGYM_TRACK", "1")
    assert start_in_background(layout, "tiny")
    wait_until(lambda: "values added" in log.read_text(), "the sync in the background")
    assert "tiny: " in log.read_text() and len(dump_of(root)) == 9


def test_ui_says_when_its_port_is_taken(tmp_path) -> None:
    Store(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        used = taken.getsockname()[1]
        result = call("dataenvgym", "ui", "--port", str(used), cwd=tmp_path, ok=False)
    assert (
        result.returncode == 2
        and f"port {used}" in result.stderr
        and "dataenvgym ui --port " in result.stderr
    )


def test_ui_answers_and_leaves_nothing_behind(opening) -> None:
    _, started = opening
    port, process, said = started.port, started.process, started.said
    started.look()
    assert f"http://127.0.0.1:{port}/#/experiments/" in said.read_text()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10) as answer:
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_password_in_an_address_is_not_shown() -> None:
    assert shown("http://ann:se@cret@host/x") == "http://host/x"


def test_data_is_named_for_people(tmp_path) -> None:
    root = tmp_path
    Store(root, seeds=(0, 10))
    record = project(load("tiny", root))
    names = {run.id: [data.name for data in run.datasets] for run in record.runs}
    assert names["tiny/with-state/seed-10/iteration-2"] == [
        "with-state, seed 10, iteration 2: 9 generated",
        "with-state, seed 10, iteration 2: 5 accepted",
    ]
    # Names of runs sort as their numbers do; those of data sets cannot change with them.
    called = {run.id: run.name for run in record.runs}
    assert called["tiny/with-state/seed-0"] == "with-state, seed 00"
    assert names["tiny/with-state/seed-0/iteration-1"][1] == (
        "with-state, seed 0, iteration 1: 5 accepted"
    )


def test_students_are_references_linked_to_their_runs(first) -> None:
    root = first
    held = dump_of(root)
    runs = runs_of(root)
    base = base_of(runs)
    assert sum(len(rows["students"]) for rows in held.values()) == 5
    assert held["tiny/no-state/seed-0"]["links"] == [
        ("MODEL_INPUT", f"student of {base.id}"),
        # The one that selection chose.
        ("MODEL_OUTPUT", "student of tiny/no-state/seed-0/iteration-1"),
    ]
    assert held["tiny/no-state/seed-0/iteration-2"]["links"] == [
        ("MODEL_INPUT", f"student of {base.id}"),
        ("MODEL_OUTPUT", "student of tiny/no-state/seed-0/iteration-2"),
    ]
    ((named, _, tags, scores),) = held["tiny/no-state/seed-0/iteration-2"]["students"]
    assert named == [("no-state, seed 0, iteration 2", READY)]
    assert ("selection/accuracy", 2, 0.375) in [(*row[:2], row[3]) for row in scores]
    place = dict(tags)["weights in the repository"]
    assert place.startswith("store/train-") and (root / place).parents[1].is_dir()
    weights = [path for path in (root / "mlartifacts").rglob("*") if "models" in path.parts]
    assert weights == []


def test_notes_link_where_a_run_comes_from(first) -> None:
    root = first
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as base:
        notes = dict(
            base.execute(
                "select i.value, n.value from tags i join tags n using (run_uuid) join runs r using (run_uuid)"
                " where i.key = 'dataenvgym.id' and n.key = 'mlflow.note.content' and r.lifecycle_stage = 'active'"
            )
        )
        known = {row[0] for row in base.execute("select run_uuid from runs")}
        known |= {row[0] for row in base.execute("select model_id from logged_models")}
    assert notes.keys() == runs_of(root).keys()
    pages = [page for note in notes.values() for page in re.findall(r"\(#/([^)]+)\)", note)]
    assert len(pages) > 20 and {page.split("/")[3] for page in pages} <= known
    iteration = notes["tiny/with-state/seed-0/iteration-2"]
    assert "student before](#" in iteration and "student after](#" in iteration
    assert "9 generated → 5 accepted" in iteration and "- train: `train-" in iteration
    assert "](run:" not in "".join(notes.values()) and "](student:" not in "".join(notes.values())


def test_verify_finds_what_was_changed_of_students_notes_and_views(root) -> None:
    from mlflow import MlflowClient

    Store(root)
    done(root)
    before = dump_of(root)
    client = MlflowClient(tracking_uri=f"sqlite:///{root}/mlflow.db")
    home = client.get_experiment_by_name("tiny").experiment_id
    runs = {run.data.tags["dataenvgym.id"]: run.info.run_id for run in client.search_runs([home])}
    models = {model.source_run_id: model for model in client.search_logged_models([home])}
    gone, changed = (runs[f"tiny/{arm}/seed-0/iteration-2"] for arm in ARMS)
    client.delete_logged_model(models[gone].model_id)
    client.set_logged_model_tags(models[changed].model_id, {"arm": "another"})
    client.set_tag(runs["tiny/no-state/seed-0"], "mlflow.note.content", "mine")
    client.set_experiment_tag(home, "mlflow.sharedViewState.learning-curves", "{}")
    said = differences(Layout(root=root), ["tiny"])
    assert said == [
        "tiny/with-state/seed-0/iteration-2: its student is missing",
        "tiny/no-state/seed-0/iteration-2: tag arm of its student is missing or differs",
        "tiny/with-state/seed-0: its description is missing or differs",
        "tiny/with-state/seed-0/iteration-2: a link to a student is missing",
        "tiny/with-state/seed-0/iteration-2: its description is missing or differs",
        "tiny/no-state/seed-0: its description is missing or differs",
        "tiny: tag mlflow.sharedViewState.learning-curves of the experiment is missing or differs",
    ]
    done(root)
    assert differences(Layout(root=root), ["tiny"]) == []
    # What a run has given cannot be taken back: the link to the removed student stays.
    after = dump_of(root)
    for rows in (before, after):
        rows["tiny/with-state/seed-0/iteration-2"].pop("links")
    assert after == before


def test_points_of_a_sweep_share_an_experiment(root) -> None:
    names = [f"rates-{name}" for name in ("low", "high")]
    for name, rate in zip(names, (0.001, 0.002), strict=True):
        Store(root, name=name, sweep="rates", rate=rate, upto=1, closed=False)
    made = track(Layout(root=root), names)
    assert (made.runs, made.created, len(made.pages)) == (14, 14, 1)
    assert "points-of-the-sweep" in made.pages[0]
    again = track(Layout(root=root), names)
    assert (again.created, again.removed, again.logged) == (0, 0, 0)
    assert differences(Layout(root=root), names) == []
    record = project(load("rates-low", root))
    assert {run.name for run in record.runs} >= {"low, base student", "low, no-state, seed 0"}
    view = json.loads(dict(record.views)["points-of-the-sweep"])
    assert "params.`rate`" in view["state"] and "params.`prompt`" not in view["state"]


def test_what_an_older_form_left_is_brought_up_to_date(root, first, monkeypatch) -> None:
    """A database without students, notes and views, with runs of an older form and another home."""
    Store(root)
    with monkeypatch.context() as older:
        older.setattr("dataenvgym_spec.track.project.FORMAT", 1)
        done(root)
    with contextlib.closing(sqlite3.connect(root / "mlflow.db")) as base:
        for table in ("metrics", "params", "tags"):
            base.execute(f"delete from logged_model_{table}")
        base.execute("delete from logged_models")
        base.execute("delete from inputs where destination_type like 'MODEL%'")
        base.execute("delete from tags where key in ('mlflow.note.content', 'dataenvgym.reads')")
        base.execute("delete from experiment_tags where key like 'mlflow.sharedViewState%'")
        base.commit()
    assert any("made by another plan" in line for line in differences(Layout(root=root), ["tiny"]))
    brought = done(root)
    assert (brought.created, brought.removed) == (9, 9)
    assert dump_of(root) == dump_of(first)


def test_a_point_that_had_an_experiment_of_its_own_moves_to_that_of_its_sweep(root) -> None:
    from mlflow import MlflowClient

    Store(root, name="rates-low", upto=1, closed=False)
    track(Layout(root=root), ["rates-low"])
    Store(root, name="rates-low", sweep="rates", upto=1, closed=False)
    moved = track(Layout(root=root), ["rates-low"])
    assert (moved.created, moved.removed) == (7, 7)
    client = MlflowClient(tracking_uri=f"sqlite:///{root}/mlflow.db")
    assert {item.name for item in client.search_experiments()} == {"Default", "rates"}
