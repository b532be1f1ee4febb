"""Nothing paid for is lost: results are adopted when whole, and only then."""

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from dataenvgym_spec.store import atomic
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.locks import held
from dataenvgym_spec.store.scratch import Scratch, clean, scratch


@pytest.fixture
def space(tmp_path: Path) -> Scratch:
    layout = Layout(root=tmp_path)
    layout.stage("plan-abc").mkdir(parents=True)
    made = scratch(layout, "plan-abc")
    made.begin(["plan"])
    (made.out / "plan" / "plan.json").write_text("{}", encoding="utf-8")
    (made.log / "run.json").write_text("{}", encoding="utf-8")
    return made


def test_a_result_is_adoptable_once_it_is_complete(space: Scratch) -> None:
    assert not space.adoptable("k")
    space.complete("k")
    assert space.adoptable("k")
    assert not space.adoptable("other")
    space.publish()
    assert (space.target / "out" / "plan" / "plan.json").read_text(encoding="utf-8") == "{}"
    assert (space.target / "log" / "run.json").exists()


@pytest.mark.parametrize("damage", ["change", "remove", "add", "half-written mark"])
def test_a_damaged_result_is_not_adopted(space: Scratch, damage: str) -> None:
    space.complete("k")
    file = space.out / "plan" / "plan.json"
    {
        "change": lambda: file.write_text("{ }", encoding="utf-8"),
        "remove": file.unlink,
        "add": lambda: (space.out / "plan" / "x").write_text("", encoding="utf-8"),
        "half-written mark": lambda: (space.path / "done.json").write_text(
            '{"key": "k"', encoding="utf-8"
        ),
    }[damage]()
    assert not space.adoptable("k")


def test_an_attempt_keeps_checkpoints_and_drops_the_rest(space: Scratch) -> None:
    (space.work / "checkpoint").write_text("", encoding="utf-8")
    space.complete("k")
    space.begin(["plan"])
    assert not space.adoptable("k")
    assert (space.work / "checkpoint").exists()
    assert not (space.out / "plan" / "plan.json").exists()


def test_scratch_goes_once_a_lock_names_its_result(space: Scratch) -> None:
    layout = Layout(root=space.target.parent.parent)
    (space.target / "stage.json").write_text("{}", encoding="utf-8")
    space.complete("k")
    space.publish()
    clean(layout)
    assert space.path.exists()
    from dataenvgym_spec.core.hashing import md5_file

    (space.target / "dvc.lock").write_text(
        f"stages: {md5_file(space.target / 'stage.json')}", encoding="utf-8"
    )
    clean(layout)
    assert not space.path.exists()


def test_publishing_replaces_what_lay_there(space: Scratch) -> None:
    (space.target / "out" / "old").mkdir(parents=True)
    space.complete("k")
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
