"""Whether another host works in a clone: it is watched for its term."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dataenvgym_spec.store.dvc.busy import is_stale, release
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.elsewhere import alive_elsewhere
from dataenvgym_spec.store.leases.holding import Leases
from dataenvgym_spec.store.leases.lease import Claimant, Heartbeat, Lease, take
from dataenvgym_spec.store.leases.register import FolderRegister
from tests.support.clocks import Time

TERM = 10.0


def leased(folder: Path, holder: str, stage: str = "train-1", seconds: float = TERM) -> Lease:
    claimant = Claimant(holder=holder, clone="one", seconds=seconds)
    lease = take(FolderRegister(folder), stage, claimant)
    assert lease is not None
    lease.beat()
    return lease


def test_nobody_is_elsewhere_without_leases_or_with_those_of_this_host(tmp_path: Path) -> None:
    assert alive_elsewhere(tmp_path / "none") is None
    register, time = FolderRegister(tmp_path), Time()
    with Leases(register=register, clone="one", seconds=TERM).hold("run") as lease:
        assert lease is not None
        assert alive_elsewhere(tmp_path, time.clock()) is None
    leased(tmp_path, "node1, process 7").release()
    assert alive_elsewhere(tmp_path, time.clock()) is None
    assert time.now == 0, "none of them needs watching"


def test_who_gives_a_sign_of_life_is_alive(tmp_path: Path) -> None:
    lease = leased(tmp_path, "node1, process 7")
    leased(tmp_path, "node2, process 8", stage="train-2")
    time = Time(lambda now: lease.beat() if now > TERM / 2 else None)
    assert alive_elsewhere(tmp_path, time.clock()) == "node1, process 7"
    assert time.now < TERM


def test_who_begins_meanwhile_is_alive(tmp_path: Path) -> None:
    leased(tmp_path, "node1, process 7")
    time = Time(lambda now: leased(tmp_path, "node2, process 8", "b") if now < 1 else None)
    assert alive_elsewhere(tmp_path, time.clock()) == "node2, process 8"


def test_who_is_silent_for_a_term_is_dead_and_who_ends_is_gone(tmp_path: Path) -> None:
    lease, time = leased(tmp_path, "node1, process 7"), Time()
    assert alive_elsewhere(tmp_path, time.clock()) is None
    assert TERM <= time.now < 1.2 * TERM
    time = Time(lambda _: lease.release())
    assert alive_elsewhere(tmp_path, time.clock()) is None
    assert time.now < TERM


def test_the_list_of_another_host_that_works_here_is_left_alone(tmp_path: Path) -> None:
    """Its `dvc repro` has a number that no process has here."""
    layout = Layout(root=tmp_path)
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        child.wait()
    path = tmp_path / ".dvc" / "tmp" / "rwlock"
    path.parent.mkdir(parents=True)
    entry = {"pid": child.pid, "cmd": "dvc repro"}
    path.write_text(json.dumps({"write": {"a": entry}, "read": {}}), encoding="utf-8")
    with Heartbeat(leased(layout.leases, "node1, process 7", seconds=3)):
        assert not is_stale(layout) and not release(layout)
        assert path.exists()
    # It has died, and holds its lease still.
    assert release(layout) and not path.exists()
