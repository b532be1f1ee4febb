"""Of the results that hosts of one clone make of a stage, one is published; who comes late puts nothing into its place."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as changed

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.schedule.parcels import published
from dataenvgym_spec.schedule.parcels.adopt import publish
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.setup.hardware.leases import clone_leases, clone_lock, is_taken_over
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.holding import Leases
from dataenvgym_spec.store.leases.lease import Claimant, Heartbeat, Lease, LeaseLost, take
from dataenvgym_spec.store.leases.register import FolderRegister

STAGE = "data-0123456789abcdef"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A clone whose hosts share its leases."""
    layout = Layout(root=tmp_path)
    (tmp_path / ".dvc").mkdir()
    layout.stage(STAGE).mkdir(parents=True)
    profile = "leases: {at: .dataenvgym/leases, seconds: 1}\n"
    (tmp_path / "hardware.yaml").write_text(profile, encoding="utf-8")
    return layout


@pytest.fixture
def leases(layout: Layout) -> Leases:
    found = clone_leases(layout, {})
    assert found is not None
    return found


def taken(leases: Leases, holder: str) -> Lease:
    """A lease of a host, which may be silent for as long as another has to wait for it."""
    claimant = Claimant(holder=holder, clone=leases.clone, seconds=leases.seconds)
    lease = take(leases.register, STAGE, claimant, waiting=lambda _: None)
    assert lease is not None
    return lease


def made(layout: Layout, content: str) -> str:
    """The lock of a result whose bytes are in the cache."""
    digest = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
    path = layout.root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return (
        "schema: '2.0'\nstages:\n  data:\n    cmd: make\n    outs:\n"
        f"    - path: out/shown\n      hash: md5\n      md5: {digest}\n      size: 1\n"
    )


def forget(layout: Layout, lock: str) -> None:
    """Takes the bytes of a result from the cache."""
    for path in (layout.root / ".dvc" / "cache").rglob("*"):
        if path.is_file() and path.parent.name + path.name in lock:
            path.unlink()


def in_place(layout: Layout) -> str:
    return (layout.stage(STAGE) / "dvc.lock").read_text(encoding="utf-8")


def outcome(lock: str, since: int = 0) -> Outcome:
    return Outcome(code=0, place="n1", lock=lock, since=since)


def test_a_host_that_slept_between_its_work_and_its_publishing_is_refused(
    layout: Layout, leases: Leases
) -> None:
    late = taken(leases, "late")
    slow, fast = made(layout, "slow"), made(layout, "fast")
    other = taken(leases, "other")
    published.publish(other, fast)
    other.release()
    publish(layout, {STAGE: outcome(fast, other.number)}, shared=True)
    # Its machine can no longer publish what it made, nor can who puts it into its place.
    with pytest.raises(LeaseLost, match="taken over by"):
        published.publish(late, slow)
    with pytest.raises(LeaseLost, match="taken over by other, which has published a result of it"):
        publish(layout, {STAGE: outcome(slow, late.number)}, shared=True)
    assert in_place(layout) == fast
    # The same result may come twice.
    publish(layout, {STAGE: outcome(fast)}, shared=True)
    assert in_place(layout) == fast


def test_nothing_is_put_into_the_place_of_a_stage_that_a_living_host_is_making(
    layout: Layout, leases: Leases
) -> None:
    slow, other = outcome(made(layout, "slow")), taken(leases, "other")
    refused = pytest.raises(LeaseLost, match=f"'{STAGE}' was taken over by other")
    with Heartbeat(other, interrupt=False), refused:
        publish(layout, {STAGE: slow}, shared=True)
    assert not (layout.stage(STAGE) / "dvc.lock").exists()


def test_a_result_without_a_lease_of_its_machine_is_published_if_no_other_was_meanwhile(
    layout: Layout, leases: Leases
) -> None:
    """Machines with a disk of their own do not see the leases: the log has not to have gone on."""
    before = published.tail(layout, STAGE, {})
    failed = taken(leases, "other")
    failed.release()
    first, second = made(layout, "first"), made(layout, "second")
    publish(layout, {STAGE: outcome(first, before)}, shared=True)
    with pytest.raises(LeaseLost, match="has published a result"):
        publish(layout, {STAGE: outcome(second, before)}, shared=True)
    assert in_place(layout) == first
    # A driver that has published one may die before that is in its place; the next one sees to it.
    (layout.stage(STAGE) / "dvc.lock").unlink()
    after = published.tail(layout, STAGE, {})
    publish(layout, {STAGE: outcome(second, after)}, shared=True)
    assert in_place(layout) == first
    # One that is made again because its bytes are gone counts.
    forget(layout, first)
    publish(layout, {STAGE: outcome(second, after)}, shared=True)
    assert in_place(layout) == second


class Overtaken(FolderRegister):
    """A register in which another host takes a stage over between two looks of one that publishes."""

    looks = 0

    def names(self, log: str) -> list[str]:
        names = super().names(log)
        content = self.read(f"{log}/{max(name for name in names if name.isdecimal())}") or b""
        if b'"published"' in content:
            self.looks += 1
            if self.looks > 1:
                number = 1 + max(int(name) for name in names if name.isdecimal())
                claim = content.replace(b'"published"', b'"claimed"')
                assert self.create(f"{log}/{number:012d}", claim)
        return super().names(log)


@pytest.mark.parametrize("runs", [{}, {f"runs/ab/{'c' * 64}/{'d' * 64}": ""}])
def test_a_lease_that_is_lost_once_its_result_is_published_puts_nothing_into_its_place(
    layout: Layout, leases: Leases, monkeypatch: pytest.MonkeyPatch, runs: dict[str, str]
) -> None:
    taken(leases, "before").release()
    register = Overtaken(layout.leases)
    late = replace(leases, register=register)
    monkeypatch.setattr(published, "clone_leases", lambda _layout, _environ: late)
    lock = made(layout, "x")
    with pytest.raises(LeaseLost):
        publish(layout, {STAGE: changed(outcome(lock), runs=runs)}, shared=True)
    assert register.looks > 1
    assert not (layout.stage(STAGE) / "dvc.lock").exists()
    assert not (layout.root / ".dvc" / "cache" / "runs").exists()
    # Whoever has taken it over finds the result, and makes none.
    assert published.standing(layout, taken(leases, "next")) == lock


def test_who_takes_over_finds_a_result_that_was_published_and_is_not_in_its_place(
    layout: Layout, leases: Leases
) -> None:
    lock = made(layout, "whole")
    first = taken(leases, "first")
    assert published.standing(layout, first) is None
    published.publish(first, lock)
    second = taken(leases, "second")
    assert published.standing(layout, second) == lock
    # Not one whose bytes are gone.
    forget(layout, lock)
    assert published.standing(layout, second) is None
    with pytest.raises(StageError, match="does not hold"):
        publish(layout, {STAGE: outcome(lock)}, shared=True)


def test_without_leases_nothing_is_written_down(layout: Layout) -> None:
    (layout.root / "hardware.yaml").unlink()
    lock = made(layout, "x")
    assert published.tail(layout, STAGE, {}) == 0
    publish(layout, {STAGE: outcome(lock)}, shared=True)
    assert in_place(layout) == lock and not layout.leases.exists()
    with clone_lock(layout, "run") as got:
        assert got is not None and got.lease is None
        assert not is_taken_over(layout, "run")


def test_a_run_knows_that_another_has_its_place(layout: Layout, leases: Leases) -> None:
    with pytest.raises(LeaseLost), clone_lock(layout, "run") as got:
        assert got is not None and got.lease is not None
        assert not is_taken_over(layout, "run")
        last = leases.last("run")
        assert last is not None
        assert got.lease.log.append(leases.tail("run") + 1, changed(last, process="other"))
        assert is_taken_over(layout, "run")
        got.lease.require()
