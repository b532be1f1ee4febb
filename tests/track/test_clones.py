"""Two clones on one tracking database: whoever tracks, a run belongs to the results that it shows."""

import contextlib
import json
import shutil
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.records.files import write_rows
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.track import Changes, differences, track
from dataenvgym_spec.track.run import Tracked
from tests.support.tracked import EPOCH, Store, answers


@pytest.fixture
def shared(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that everybody tracks to."""
    path = tmp_path / "shared" / "mlflow.db"
    path.parent.mkdir()
    shutil.copy(empty_database, path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
    return path


def done(root: Path, **more: bool) -> Tracked:
    return track(Layout(root=root), ["tiny"], **more)


def told(root: Path) -> list[str]:
    return differences(Layout(root=root), ["tiny"])


def runs(shared: Path) -> dict[str, str]:
    """The active runs, each with its name for ever."""
    question = "select t.run_uuid, t.value from tags t join runs r using (run_uuid) "
    question += "where t.key = 'dataenvgym.id' and r.lifecycle_stage = 'active'"
    with contextlib.closing(sqlite3.connect(shared)) as base:
        return dict(base.execute(question))


def points(shared: Path) -> Counter[tuple[str, str, int]]:
    """How many points every curve of every active run has at a step."""
    with contextlib.closing(sqlite3.connect(shared)) as base:
        rows = base.execute("select run_uuid, key, step from metrics")
        return Counter((run, key, step) for run, key, step in rows if run in runs(shared))


def marks(shared: Path) -> set[tuple[str, str, str]]:
    """What the clones have left at the active runs."""
    with contextlib.closing(sqlite3.connect(shared)) as base:
        rows = base.execute("select run_uuid, key, value from tags where key like '%.clone.%'")
        return {row for row in rows if row[0] in runs(shared)}


def students(shared: Path) -> set[str]:
    """The runs of the students that are not in the bin."""
    with contextlib.closing(sqlite3.connect(shared)) as base:
        rows = base.execute(
            "select source_run_id from logged_models where lifecycle_stage = 'active'"
        )
        found = [run for (run,) in rows]
    assert len(found) == len(set(found))
    return set(found)


def change(root: Path, arm: str, iteration: int, right: int) -> None:
    """Gives a student other answers on selection."""
    index = json.loads((root / "experiments" / "tiny.json").read_text())
    for stage in index["stages"]:
        use = stage["uses"][0]
        path = root / "store" / stage["directory"] / "out" / "selection" / "results.jsonl"
        if (use["arm"], use["iteration"]) == (arm, iteration) and path.is_file():
            write_rows(path, answers(right))


def settled(*clones: Path) -> bool:
    """Whether nobody finds anything to do any more, also after the others looked."""
    for root in (*clones, clones[0]):
        found = done(root)
        if (found.created, found.removed, found.logged) != (0, 0, 0):
            return False
    return not any(map(told, clones))


@pytest.mark.parametrize("epoch", [pytest.param(EPOCH, marks=pytest.mark.slow), EPOCH + 5000])
def test_the_same_results_are_one_run_whoever_tracks_them(shared, tmp_path, epoch) -> None:
    """Pulled, or computed once more at another time."""
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b", epoch=epoch).root
    assert done(first).created == 9
    before, held = runs(shared), points(shared)
    found = done(second)
    assert (found.created, found.removed) == (0, 0)
    assert (runs(shared), points(shared)) == (before, held)
    assert settled(first, second)


def test_different_results_are_different_runs_and_nobody_removes_anothers(shared, tmp_path) -> None:
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    change(second, "no-state", 2, 9)
    done(first)
    before = runs(shared)
    found = done(second)
    # The run, its two iterations, and the mean over its seeds.
    assert (found.created, found.removed) == (4, 0)
    assert before.items() <= runs(shared).items()
    assert Counter(runs(shared).values())["tiny/no-state/seed-0"] == 2
    assert Counter(runs(shared).values())["tiny/with-state/seed-0"] == 1
    assert settled(first, second)


def test_another_plan_removes_nothing_of_another_clone(shared, tmp_path) -> None:
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b", rate=0.002).root
    done(first)
    before = runs(shared)
    assert (done(second).created, done(first).removed) == (9, 0)
    assert before.items() <= runs(shared).items()
    assert settled(first, second)


def test_a_clone_takes_away_what_it_made_and_nobody_else_shows(shared, tmp_path) -> None:
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    change(first, "no-state", 2, 9)
    assert (done(first).created, done(first).removed) == (4, 0)
    assert len(runs(shared)) == 9
    done(second)
    both = runs(shared)
    change(first, "no-state", 2, 11)
    assert (done(first).removed, len(runs(shared))) == (4, 13)
    change(first, "no-state", 2, 6)
    done(first)
    assert settled(first, second)
    # What `second` shows is the run that `first` shows now: it is one again.
    assert len(runs(shared)) == 9
    assert set(runs(shared)) < set(both)


def test_a_run_that_two_show_stays_when_one_gets_other_results(shared, tmp_path) -> None:
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    done(second)
    before = runs(shared)
    change(first, "with-state", 1, 5)
    found = done(first)
    assert (found.created, found.removed) == (4, 0)
    assert before.items() <= runs(shared).items()
    assert settled(first, second)
    change(second, "with-state", 1, 5)
    # Now nobody shows the old one: who is the last to leave it takes it away, not only its maker.
    assert done(second).removed == 4
    assert len(runs(shared)) == 9
    assert not told(first) and not told(second)
    assert settled(first, second)


@pytest.mark.slow
def test_what_a_clone_may_not_take_away_is_left_to_who_may(shared, tmp_path, monkeypatch) -> None:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
    from mlflow.tracking import MlflowClient

    def refused(self, name: str) -> None:
        raise MlflowException("Permission denied", PERMISSION_DENIED)

    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    before = runs(shared)
    change(first, "with-state", 1, 5)
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "delete_run", refused)
        patched.setattr(MlflowClient, "delete_logged_model", refused)
        found = done(first)
    assert (found.created, found.removed) == (4, 0)
    assert before.items() <= runs(shared).items() and not told(first)
    change(second, "with-state", 1, 5)
    assert (done(second).removed, len(runs(shared))) == (4, 9)
    assert settled(first, second)


@pytest.mark.slow
def test_a_student_whose_maker_did_not_make_its_run_has_its_scores(
    shared, tmp_path, monkeypatch
) -> None:
    """The first clone was killed behind the runs; the times of the second are others."""
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b", epoch=EPOCH + 5000).root
    with monkeypatch.context() as patched:
        patched.setattr("dataenvgym_spec.track.sync.relate", lambda runs: 0)
        done(first)
    before = points(shared)
    done(second)
    assert points(shared) == before
    assert not told(second)
    assert settled(first, second)
    assert points(shared) == before


def test_a_report_that_is_made_anew_while_it_is_read_ends_nothing(
    shared, tmp_path, monkeypatch
) -> None:
    from mlflow.tracking import MlflowClient

    root = Store(tmp_path / "a").root
    page = Layout(root=root).report("tiny") / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("a report", encoding="utf-8")
    log_artifact = MlflowClient.log_artifact

    def made_anew(self, run_id: str, local_path: str, artifact_path: str | None = None) -> None:
        page.unlink(missing_ok=True)
        log_artifact(self, run_id, local_path, artifact_path)

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "log_artifact", made_anew)
        assert done(root).runs == 9
    assert not told(root)
    page.write_text("a report", encoding="utf-8")
    assert told(root) and done(root).logged > 0
    assert not told(root)


def test_results_that_are_gone_each_time_are_said(shared, tmp_path, monkeypatch) -> None:
    def gone(name: str, root: Path) -> None:
        raise FileNotFoundError(2, "No such file", "out/results.jsonl")

    root = Store(tmp_path / "a").root
    monkeypatch.setattr("dataenvgym_spec.track.run.load", gone)
    with pytest.raises(UserError, match=r"made anew while they are read: out/results\.jsonl"):
        done(root)


@pytest.mark.slow
def test_a_run_that_another_clone_begins_to_show_just_now_stays(
    shared, tmp_path, monkeypatch
) -> None:
    """What was read of a run at the start may be old by the time that it is left."""
    from dataenvgym_spec.track import sync

    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    done(second)
    before = runs(shared)
    change(first, "with-state", 1, 5)
    done(first)
    change(second, "with-state", 1, 5)
    leave = sync._leave

    def late(*arguments) -> int:
        with monkeypatch.context() as patched:
            patched.setattr(sync, "_leave", leave)
            change(first, "with-state", 1, 4)
            done(first)
        return leave(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(sync, "_leave", late)
        assert done(second).removed == 0
    assert before.items() <= runs(shared).items()
    assert settled(first, second)


@pytest.mark.slow
def test_who_comes_back_to_a_run_that_nobody_describes_does_so(shared, tmp_path) -> None:
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    done(second)
    made = marks(shared)
    change(first, "with-state", 1, 5)
    done(first)
    assert marks(shared) != made
    change(first, "with-state", 1, 4)
    done(first)
    assert marks(shared) == made
    assert settled(first, second)


@pytest.mark.slow
def test_who_takes_over_a_run_that_its_maker_left_logs_no_point_twice(shared, tmp_path) -> None:
    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b", epoch=EPOCH + 5000).root
    done(first)
    done(second)
    before = points(shared)
    change(first, "with-state", 1, 5)
    done(first)
    done(second)
    after = points(shared)
    assert {place: after[place] for place in before} == dict(before)
    assert settled(first, second)


def test_a_student_whose_run_is_gone_is_gone(shared, tmp_path) -> None:
    from dataenvgym_spec.track.mlflow import connect

    root = Store(tmp_path / "a").root
    done(root)
    before = students(shared)
    server = connect(Layout(root=root))
    removed = {"tiny/with-state/seed-0/iteration-1", "tiny/with-state/seed-0/iteration-2"}
    for run, name in runs(shared).items():
        if name in removed:
            server.remove(run)
    done(root)
    assert len(students(shared)) == len(before)
    assert students(shared) <= set(runs(shared))
    assert settled(root)


@pytest.mark.slow
def test_a_double_of_a_student_goes_when_its_maker_has_left_the_run(shared, tmp_path) -> None:
    from dataenvgym_spec.results.experiment import load
    from dataenvgym_spec.track import clones
    from dataenvgym_spec.track.mlflow import connect
    from dataenvgym_spec.track.project import project

    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    done(second)
    server = connect(Layout(root=second))
    named = next(one for one in project(load("tiny", second)).runs if one.id.endswith("ation-2"))
    run = next(run for run, name in runs(shared).items() if name == named.id)
    home = server.experiment("tiny")
    server.create_student(home, run, named.student, ((clones.tag(server.clone), clones.MADE),))
    change(second, named.id.split("/")[1], 1, 5)
    done(second)
    assert any("there twice" in line for line in told(first))
    done(first)
    assert not told(first)
    assert settled(first, second)


@pytest.mark.slow
def test_two_that_make_the_experiment_at_once_go_on(shared, tmp_path, monkeypatch) -> None:
    from mlflow.tracking import MlflowClient

    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    find, asked = MlflowClient.get_experiment_by_name, []

    def not_yet(self, name: str):
        asked.append(name)
        return find(self, name) if len(asked) > 2 else None

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "get_experiment_by_name", not_yet)
        assert done(second).created == 0
    assert settled(first, second)


def test_points_that_another_clone_logs_at_this_moment_are_there_once(
    shared, tmp_path, monkeypatch
) -> None:
    """The run was found before it had any."""
    from dataenvgym_spec.track.mlflow import Server

    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b", epoch=EPOCH + 5000).root
    done(first)
    before = points(shared)
    found = Server.runs

    def early(self, experiment: str, name: str):
        return {
            key: [replace(run, points=frozenset()) for run in some]
            for key, some in found(self, experiment, name).items()
        }

    with monkeypatch.context() as patched:
        patched.setattr(Server, "runs", early)
        done(second)
    assert points(shared) == before
    assert settled(first, second)


@pytest.mark.parametrize("what", ["log_outputs", "log_inputs"])
def test_links_that_another_clone_makes_at_this_moment_are_there_once(
    shared, tmp_path, monkeypatch, what: str
) -> None:
    """The server looks at no link before it writes one, and refuses one that is there."""
    from mlflow.tracking import MlflowClient

    log, ahead = getattr(MlflowClient, what), []

    def beside_another(self, run_id: str, *linked, **more) -> None:
        if more.get("models") and len(ahead) < 3:
            ahead.append(run_id)
            log(self, run_id, *linked, **more)
        log(self, run_id, *linked, **more)

    root = Store(tmp_path / "a").root
    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, what, beside_another)
        assert done(root).created == 9
    assert len(set(ahead)) == 3
    assert settled(root)


def test_a_result_that_is_half_there_is_read_again(shared, tmp_path, monkeypatch) -> None:
    from dataenvgym_spec.results.experiment import load

    root, tried = Store(tmp_path / "a").root, []

    def replaced(name: str, root: Path):
        tried.append(name)
        if len(tried) == 1:
            raise UserError("'out/results.jsonl' is damaged or half-written")
        return load(name, root)

    monkeypatch.setattr("dataenvgym_spec.track.run.load", replaced)
    assert done(root).created == 9


def test_what_is_not_compiled_is_said_without_a_second_look(shared, tmp_path, monkeypatch) -> None:
    tried: list[str] = []

    def absent(name: str, root: Path) -> None:
        tried.append(name)
        raise UserError(f"'{name}' is not compiled")

    monkeypatch.setattr("dataenvgym_spec.track.run.load", absent)
    with pytest.raises(UserError, match="not compiled"):
        track(Layout(root=Store(tmp_path / "a").root), ["tny"])
    assert tried == ["tny"]


@pytest.mark.slow
def test_a_run_that_another_clone_takes_away_just_now_is_made(
    shared, tmp_path, monkeypatch
) -> None:
    """It looked equal, and its maker left it before this clone had said that it shows it."""
    from dataenvgym_spec.track import sync
    from dataenvgym_spec.track.compare import Held
    from dataenvgym_spec.track.mlflow import Server

    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    done(first)
    before = runs(shared)
    marked = sync._marked
    taken: list[str] = []

    def late(server: Server, held: Held) -> Held:
        if not taken:
            server.remove(held.run_id)
            taken.append(held.run_id)
        return marked(server, held)

    with monkeypatch.context() as patched:
        patched.setattr(sync, "_marked", late)
        assert done(second).created == 1
    assert taken and len(runs(shared)) == 9 and set(before) - set(runs(shared)) == set(taken)
    # Whoever describes runs links them to the new one.
    done(first)
    assert settled(first, second)


def test_a_clone_goes_on_where_another_stopped(shared, tmp_path) -> None:
    first = Store(tmp_path / "a", upto=1, closed=False).root
    second = Store(tmp_path / "b").root
    done(first)
    begun = runs(shared)
    assert done(second).removed == 0
    assert len(runs(shared)) == 9
    assert begun.items() <= runs(shared).items()
    found = done(first)
    assert (found.created, found.removed, found.logged) == (0, 0, 0)
    Store(first)
    # Only who made a run describes it: now it is known which student is best.
    done(first)
    assert settled(first, second)


def test_two_that_begin_at_once_end_with_one_run(shared, tmp_path) -> None:
    """Both looked before either had made a run: the double is found by whoever comes next."""
    from dataenvgym_spec.results.experiment import load
    from dataenvgym_spec.track.mlflow import connect
    from dataenvgym_spec.track.project import project
    from dataenvgym_spec.track.sync import sync

    first, second = Store(tmp_path / "a").root, Store(tmp_path / "b").root
    server = connect(Layout(root=second))
    record = project(load("tiny", second))

    class Late(type(server)):
        """Sees what was there before the other clone."""

        def runs(self, experiment: str, name: str):
            return {}

    done(first)
    late = Late(**{name: getattr(server, name) for name in server.__slots__})
    sync(late, record, Changes())
    assert len(runs(shared)) == 18
    done(second)
    done(first)
    assert len(runs(shared)) == 9
    assert settled(first, second)
