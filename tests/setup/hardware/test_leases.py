"""Which lock a clone uses, and that its hosts see each other's."""

import json
import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.setup.hardware import leases
from dataenvgym_spec.setup.hardware.leases import (
    AtWork,
    Claim,
    LeasedClaim,
    claimed,
    clone_leases,
    clone_lock,
    leases_of,
)
from dataenvgym_spec.store.gc import nobody_at_work, remove
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.lease import Claimant, take
from dataenvgym_spec.store.leases.log import Log
from dataenvgym_spec.store.leases.register import FolderRegister
from tests.support.repositories import call, new_repo

STAGE = "data-0123456789abcdef"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(root=new_repo(tmp_path / "repo"))
    layout.stage(STAGE).mkdir(parents=True)
    return layout


def leased(layout: Layout, at: str = ".dataenvgym/leases", seconds: float = 1) -> None:
    text = f"leases: {{at: '{at}', seconds: {seconds}}}\n"
    (layout.root / "hardware.yaml").write_text(text, encoding="utf-8")


def made(claim: Claim, text: str) -> None:
    """Makes a result, as an executor does."""
    claim.space.begin(["shown"], {"a": "1"})
    (claim.space.out / "shown" / "items.txt").write_text(text, encoding="utf-8")
    (claim.space.log / "run.json").write_text("{}", encoding="utf-8")
    claim.space.complete("key", {"a": "1"})
    claim.publish({"a": "1"})


def test_one_host_uses_its_kernels_lock_and_writes_no_lease(layout: Layout) -> None:
    assert leases_of(layout, {}) is None and clone_leases(layout, {}) is None
    with claimed(layout, STAGE, waiting=print) as claim:
        assert type(claim) is Claim and claim.space.path == layout.scratch(STAGE)
        assert AtWork(layout).on(STAGE) is not None
        made(claim, "x")
    assert AtWork(layout).on(STAGE) is None
    assert not layout.leases.exists()


def test_a_clone_on_a_network_disk_uses_leases_unless_it_is_told_not_to(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "shared_disk", lambda _path: "lustre")
    found = leases_of(layout, {})
    assert found is not None and found.seconds == 60 and not found.between
    leased(layout, at="host")
    assert leases_of(layout, {}) is None and clone_leases(layout, {}) is None
    # Other clones share the leases on stages; those on the clone itself are in it.
    leased(layout, at="/elsewhere/leases")
    between, own = leases_of(layout, {}), clone_leases(layout, {})
    assert between is not None and between.between
    assert own is not None and own.register.folder == layout.leases  # type: ignore[attr-defined]


def test_clones_are_told_apart(layout: Layout, tmp_path: Path) -> None:
    leased(layout, at=str(tmp_path / "leases"))
    other = Layout(root=new_repo(tmp_path / "other"))
    leased(other, at=str(tmp_path / "leases"))
    marks = [leases_of(place, {}) for place in (layout, layout, other)]
    assert len({found.clone for found in marks if found is not None}) == 2


@pytest.mark.slow
def test_clones_take_a_result_from_their_remote_and_do_not_make_it_again(
    layout: Layout, tmp_path: Path
) -> None:
    other = Layout(root=new_repo(tmp_path / "other"))
    other.stage(STAGE).mkdir(parents=True)
    for place in (layout, other):
        leased(place, at=str(tmp_path / "leases"), seconds=60)
        remote = str(tmp_path / "remote")
        call("dvc", "remote", "add", "-q", "--default", "storage", remote, cwd=place.root)
    with claimed(layout, STAGE, waiting=print) as claim:
        assert claim.bring("key", {"a": "1"}) is None
        made(claim, "x")
    shutil.rmtree(layout.private / "scratch")  # as after DVC has locked it
    for place in (other, layout):
        with claimed(place, STAGE, waiting=print) as claim:
            assert claim.bring("key", {"a": "2"}) is None  # made from something else
            assert ", process" in str(claim.bring("key", {"a": "1"}))
            assert claim.bring("key", {"a": "1"}) is None  # it is here now
            claim.publish({"a": "1"})
        with claimed(place, STAGE, waiting=print) as claim:
            assert claim.space.finished("key") == {"a": "1"}
        text = (place.stage(STAGE) / "out" / "shown" / "items.txt").read_text(encoding="utf-8")
        assert text == "x"
    # What the remote has lost is made again.
    for place in (layout, other):
        shutil.rmtree(place.root / ".dvc" / "cache", ignore_errors=True)
        shutil.rmtree(place.private / "scratch")
    shutil.rmtree(tmp_path / "remote")
    with claimed(other, STAGE, waiting=print) as claim:
        assert claim.bring("key", {"a": "1"}) is None
        made(claim, "y")
    log = Log(FolderRegister(tmp_path / "leases"), STAGE)
    events = [event for event in map(log.event, log.numbers()) if event is not None]
    assert [event.act for event in events].count("published") == 2


def test_work_goes_on_in_the_folder_of_each_new_lease(layout: Layout) -> None:
    with claimed(layout, STAGE, waiting=print) as claim:  # before there were leases
        claim.space.begin(["shown"], {"a": "1"})
        (claim.space.work / "checkpoint").write_text("1", encoding="utf-8")
    leased(layout)
    with pytest.raises(RuntimeError), claimed(layout, STAGE, waiting=print) as claim:
        assert claim.space.path.name == f"{STAGE}.1"
        assert (claim.space.work / "checkpoint").read_text(encoding="utf-8") == "1"
        assert layout.scratch(STAGE).resolve() == claim.space.path
        assert AtWork(layout).on(STAGE) is not None
        raise RuntimeError
    with claimed(layout, STAGE, waiting=print) as claim:
        assert claim.space.path.name == f"{STAGE}.3"
        assert (claim.space.work / "checkpoint").read_text(encoding="utf-8") == "1"
        made(claim, "x")
    folder = layout.private / "scratch"
    assert sorted(path.name for path in folder.iterdir()) == [STAGE, f"{STAGE}.3"]
    # What DVC has locked is removed before the next stage.
    digest = json.loads((layout.scratch(STAGE) / "done.json").read_text(encoding="utf-8"))
    assert digest["key"] == "key"
    (layout.root / "hardware.yaml").unlink()
    with claimed(layout, STAGE, waiting=print) as claim:  # and after them
        assert claim.space.finished("key") == {"a": "1"}


def test_what_a_presumed_dead_host_has_open_is_not_what_the_next_one_writes(
    layout: Layout,
) -> None:
    leased(layout)
    found = leases_of(layout, {})
    assert found is not None
    late = take(found.register, STAGE, Claimant(holder="late", clone=found.clone, seconds=1))
    assert late is not None
    space = LeasedClaim(layout, late, between=False).space
    space.begin(["shown"], {"a": "1"})
    with (space.work / "lines").open("w", encoding="utf-8") as file:
        file.write("1\n")
        file.flush()
        with claimed(layout, STAGE, waiting=lambda _: None) as claim:
            file.write("late\n")
            file.flush()
            assert (claim.space.work / "lines").read_text(encoding="utf-8") == "1\n"
            assert not space.path.exists()


def test_a_result_that_is_in_its_place_is_left_alone_and_another_is_replaced(
    layout: Layout,
) -> None:
    leased(layout)
    place = layout.stage(STAGE) / "out" / "shown" / "items.txt"
    place.parent.mkdir(parents=True)
    place.write_text("of before", encoding="utf-8")
    with claimed(layout, STAGE, waiting=print) as claim:
        made(claim, "x")
    assert place.read_text(encoding="utf-8") == "x"
    before = place.parent.stat().st_ino
    with claimed(layout, STAGE, waiting=print) as claim:
        assert claim.space.finished("key") == {"a": "1"}
        claim.publish({"a": "1"})
    assert place.parent.stat().st_ino == before
    assert sorted(path.name for path in layout.stage(STAGE).iterdir()) == ["log", "out"]


def test_a_clone_has_one_run_on_all_of_its_hosts(layout: Layout) -> None:
    leased(layout)
    with clone_lock(layout, "run") as ours:
        assert ours
        other = call("dataenvgym", "run", "tiny", cwd=layout.root, ok=False)
        assert other.returncode == 2 and "another 'dataenvgym run' is at work" in other.stderr
        with pytest.raises(UserError, match="nothing was removed"), _gc(layout):
            pass
    with _gc(layout):
        pass


def test_gc_waits_for_no_dead_host_and_removes_the_scratch_of_leases(layout: Layout) -> None:
    leased(layout)
    with claimed(layout, STAGE, waiting=print) as claim:
        made(claim, "x")
        with pytest.raises(UserError, match=f"'{STAGE}' is being made"), _gc(layout):
            pass
    found = clone_leases(layout, {})
    assert found is not None
    assert take(found.register, STAGE, Claimant(holder="dead", clone="", seconds=1)) is not None
    with _gc(layout):
        remove(layout, [STAGE])
    assert list((layout.private / "scratch").iterdir()) == []
    assert not layout.stage(STAGE).exists()


def _gc(layout: Layout):  # type: ignore[no-untyped-def]
    return nobody_at_work(layout, clone_leases(layout, {}))


def test_status_says_which_host_makes_a_stage(layout: Layout) -> None:
    leased(layout)
    call("dataenvgym", "compile", cwd=layout.root)
    results = load("tiny", layout.root)
    with claimed(layout, results.stages[0].path.name, waiting=print):
        said = call("dataenvgym", "status", "tiny", cwd=layout.root).stdout
    assert "running" in said and ", process" in said
