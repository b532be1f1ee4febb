"""Nothing paid for is lost: results are adopted when whole, and only then."""

import json
import multiprocessing
import shutil
import time
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.dvc.state import hash_of
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from dataenvgym_spec.store.scratch import Scratch, clean, scratch

INPUTS = {"store/data-abc/out/shown": "1.dir"}


@pytest.fixture
def space(tmp_path: Path) -> Scratch:
    layout = Layout(root=tmp_path)
    layout.stage("plan-abc").mkdir(parents=True)
    made = scratch(layout, "plan-abc")
    made.begin(["plan"], INPUTS)
    (made.out / "plan" / "plan.json").write_text("{}", encoding="utf-8")
    (made.log / "run.json").write_text("{}", encoding="utf-8")
    return made


def test_a_result_is_adoptable_once_it_is_complete(space: Scratch) -> None:
    assert space.finished("k") is None
    space.complete("k", INPUTS)
    assert space.finished("k") == INPUTS
    assert space.finished("other") is None
    space.publish()
    assert (space.target / "out" / "plan" / "plan.json").read_text(encoding="utf-8") == "{}"
    assert (space.target / "log" / "run.json").exists()


@pytest.mark.parametrize("damage", ["change", "remove", "add", "half-written mark"])
def test_a_damaged_result_is_not_adopted(space: Scratch, damage: str) -> None:
    space.complete("k", INPUTS)
    file = space.out / "plan" / "plan.json"
    {
        "change": lambda: file.write_text("{ }", encoding="utf-8"),
        "remove": file.unlink,
        "add": lambda: (space.out / "plan" / "x").write_text("", encoding="utf-8"),
        "half-written mark": lambda: (space.path / "done.json").write_text(
            '{"key": "k"', encoding="utf-8"
        ),
    }[damage]()
    assert space.finished("k") is None


def test_a_result_is_its_own_files(space: Scratch, tmp_path: Path) -> None:
    """What programs leave beside them differs each time; a link is what it leads to."""
    student = space.out / "student"
    (student / ".cache").mkdir(parents=True)
    (student / ".cache" / "fetched.json").write_text("1", encoding="utf-8")
    (space.work / "weights").write_text("w", encoding="utf-8")
    (student / "weights").symlink_to("../../work/weights")
    (space.out / "empty").mkdir()
    space.complete("k", INPUTS)
    space.publish()
    assert sorted(path.name for path in (space.target / "out").rglob("*")) == [
        "empty", "plan", "plan.json", "student", "weights",
    ]  # fmt: skip
    published = space.target / "out" / "student" / "weights"
    assert not published.is_symlink() and published.read_text(encoding="utf-8") == "w"


@pytest.mark.parametrize("target", ["/etc/hostname", "/etc", "../../../../../foreign.txt"])
def test_a_link_that_leaves_a_result_ends_in_none(space: Scratch, target: str) -> None:
    (space.target.parents[1] / "foreign.txt").write_text("f", encoding="utf-8")
    (space.out / "plan" / "link").symlink_to(target)
    with pytest.raises(StageError, match="what the stage made holds a link") as caught:
        space.complete("k", INPUTS)
    assert caught.value.help
    assert space.finished("k") is None


def test_an_attempt_keeps_checkpoints_and_drops_the_rest(space: Scratch) -> None:
    (space.work / "checkpoint").write_text("", encoding="utf-8")
    space.complete("k", INPUTS)
    assert space.begin(["plan"], INPUTS)
    assert space.finished("k") is None
    assert (space.work / "checkpoint").exists()
    assert not (space.out / "plan" / "plan.json").exists()


def test_an_attempt_with_other_inputs_keeps_nothing(space: Scratch) -> None:
    (space.work / "checkpoint").write_text("", encoding="utf-8")
    assert not space.begin(["plan"], {**INPUTS, "store/data-abc/out/test": "2.dir"})
    assert not (space.work / "checkpoint").exists()
    assert space.begin(["plan"], INPUTS)  # there is nothing to lose


def test_scratch_goes_once_a_lock_names_its_result(space: Scratch) -> None:
    layout = Layout(root=space.target.parent.parent)
    space.complete("k", INPUTS)
    space.publish()
    clean(layout)
    assert space.path.exists()
    lock = space.target / "dvc.lock"
    lock.write_text("stages: 0123456789abcdef0123456789abcdef.dir", encoding="utf-8")
    clean(layout)
    assert space.path.exists()
    lock.write_text(f"stages: {hash_of(space.log)}", encoding="utf-8")
    # DVC deletes the outs before it runs a stage again.
    shutil.rmtree(space.target / "log")
    clean(layout)
    assert not space.path.exists()


def test_scratch_goes_where_a_colleagues_result_took_its_place(space: Scratch) -> None:
    space.complete("k", INPUTS)
    pulled = space.target / "log"
    pulled.mkdir()
    (pulled / "run.json").write_text('{"started": 1}', encoding="utf-8")
    (space.target / "dvc.lock").write_text(f"stages: {hash_of(pulled)}", encoding="utf-8")
    clean(Layout(root=space.target.parent.parent))
    assert not space.path.exists()


def test_scratch_that_somebody_writes_to_stays(space: Scratch) -> None:
    layout = Layout(root=space.target.parent.parent)
    space.complete("k", INPUTS)
    (space.target / "dvc.lock").write_text(f"stages: {hash_of(space.log)}", encoding="utf-8")
    with held(layout.lock("plan-abc")):
        clean(layout)
    assert space.path.exists()


def test_publishing_replaces_what_lay_there(space: Scratch) -> None:
    (space.target / "out" / "old").mkdir(parents=True)
    space.complete("k", INPUTS)
    space.publish()
    assert not (space.target / "out" / "old").exists()


def _hold(path: Path, ready: object, seconds: float) -> None:
    with held(path):
        ready.set()
        time.sleep(seconds)


def test_a_lock_is_held_by_one_and_dropped_with_its_holder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(tmp_path / "a.lock", ready, 60))
    process.start()
    assert ready.wait(30)
    with held(tmp_path / "a.lock") as got:
        assert not got
    process.kill()
    told: list[str] = []
    with held(tmp_path / "a.lock", waiting=told.append) as got:
        assert got
    process.join()
    assert told in ([], [f"process {process.pid}"])


def test_writes_are_whole_and_only_when_changed(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    assert atomic.write(path, "1")
    before = path.stat().st_mtime_ns
    assert not atomic.write(path, "1")
    assert path.stat().st_mtime_ns == before
    assert [item.name for item in path.parent.iterdir()] == ["b.json"]
    assert atomic.write_directory(tmp_path / "d", {"x": "1", "y": "2"}, staging=tmp_path / "s")
    assert not atomic.write_directory(tmp_path / "d", {"x": "1", "y": "2"}, staging=tmp_path / "s")
    assert sorted(item.name for item in (tmp_path / "d").iterdir()) == ["x", "y"]
    assert json.loads((tmp_path / "d" / "x").read_text(encoding="utf-8")) == 1
