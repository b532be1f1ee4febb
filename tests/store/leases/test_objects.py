"""Leases in object storage, over the protocol of S3: a name is created once, whoever tries it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import MachineFault, is_fault
from dataenvgym_spec.store.leases.lease import Claimant, Clock, LeaseLost, take
from dataenvgym_spec.store.leases.log import Log
from dataenvgym_spec.store.leases.objects import ObjectRegister
from tests.support.remotes import ACCESS_KEY, BUCKET, S3, SECRET_KEY, s3

ADDRESS = f"s3://{BUCKET}/study/leases"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with s3() as server:
        yield server


@pytest.fixture
def register(server: S3, tmp_path: Path) -> ObjectRegister:
    config = tmp_path / ".dvc" / "config"
    config.parent.mkdir()
    config.write_text(
        f"['remote \"storage\"']\nurl = s3://{BUCKET}/dvc\nendpointurl = {server.endpoint}\n"
        f"access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\n",
        encoding="utf-8",
    )
    return ObjectRegister(tmp_path, f"{ADDRESS}/{tmp_path.name}")


def test_a_name_is_created_once_and_others_are_told(register: ObjectRegister) -> None:
    register.require_exclusive()
    assert register.read("stage/1") is None and register.names("stage") == []
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda: won.append(register.create("stage/1", b"x")))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]
    register.overwrite("stage/1.beat", b"1")
    register.overwrite("stage/1.beat", b"2")
    assert register.read("stage/1.beat") == b"2" and register.read("stage/1") == b"x"
    assert sorted(register.names("stage")) == ["1", "1.beat"] and register.logs() == ["stage"]
    register.remove("stage/1")
    assert register.names("stage") == ["1.beat"]


def test_a_late_host_publishes_nothing(register: ObjectRegister) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    clock = Clock(now=lambda: now[0], sleep=sleep)
    late = take(register, "stage", Claimant(holder="a", clone="a", seconds=10))
    other = take(
        register,
        "stage",
        Claimant(holder="b", clone="b", seconds=10),
        waiting=lambda _: None,
        clock=clock,
    )
    assert late is not None and other is not None and now[0] >= 10
    other.publish({"files": "b"})
    with pytest.raises(LeaseLost):
        late.publish({"files": "a"})
    other.release()
    published = Log(register, "stage").published()
    assert published is not None and published.holder == "b"


def test_a_server_that_overwrites_what_exists_holds_no_leases(
    server: S3, register: ObjectRegister
) -> None:
    server.fault = "overwrites"
    try:
        with pytest.raises(StageError, match="overwrites what exists"):
            register.require_exclusive()
    finally:
        server.fault = None
    assert register.logs() == []


def test_a_server_that_refuses_is_told_with_a_remedy(server: S3, register: ObjectRegister) -> None:
    server.fault = "forbidden"
    try:
        with pytest.raises(StageError) as told:
            register.names("stage")
    finally:
        server.fault = None
    assert register.address in told.value.message and "credentials" in told.value.help
    assert not isinstance(told.value, MachineFault), "another try is refused, too"


def test_a_server_that_is_not_reached_is_a_fault_that_may_pass(
    server: S3, register: ObjectRegister
) -> None:
    server.fault = "gone"
    try:
        with pytest.raises(MachineFault, match="cannot be used") as told:
            register.names("stage")
    finally:
        server.fault = None
    assert is_fault(told.value.exit_code)
    assert register.names("stage") == []
