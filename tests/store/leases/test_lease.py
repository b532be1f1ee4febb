"""Of hosts that want one lease, one at a time has it; who sleeps past its term publishes nothing."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.faults import LEASE_LOST
from dataenvgym_spec.store.leases import log
from dataenvgym_spec.store.leases.lease import Claimant, Clock, Heartbeat, Lease, LeaseLost, take
from dataenvgym_spec.store.leases.log import Log
from dataenvgym_spec.store.leases.register import FolderRegister
from tests.support.clocks import Time
from tests.support.waiting import wait_until

TERM = 10.0


def host(name: str, seconds: float = TERM) -> Claimant:
    return Claimant(holder=name, clone="one", seconds=seconds)


@pytest.fixture
def register(tmp_path: Path) -> FolderRegister:
    return FolderRegister(tmp_path / "leases")


def taken(register: FolderRegister, name: str, time: Time | None = None) -> Lease:
    clock = (time or Time()).clock()
    lease = take(register, "stage", host(name), waiting=lambda _: None, clock=clock)
    assert lease is not None
    return lease


def acts(register: FolderRegister) -> list[tuple[str, str]]:
    log = Log(register, "stage")
    events = [log.event(number) for number in log.numbers()]
    return [(event.act, event.holder) for event in events if event is not None]


def test_a_lease_is_free_again_once_it_is_released(register: FolderRegister) -> None:
    first = taken(register, "a")
    first.publish({"files": "1"})
    first.release()
    second = taken(register, "b")
    assert second.number == 4 and not second.taken_over
    assert acts(register) == [
        ("claimed", "a"),
        ("published", "a"),
        ("released", "a"),
        ("claimed", "b"),
    ]


def test_who_waits_is_told_for_whom_and_gets_it_when_it_is_released(
    register: FolderRegister,
) -> None:
    first = taken(register, "a")
    told: list[str] = []
    time = Time(lambda now: first.release() if now > 3 and len(acts(register)) == 1 else None)
    second = take(register, "stage", host("b"), waiting=told.append, clock=time.clock())
    assert second is not None and told == ["a"] and time.now < TERM


def test_a_holder_that_gives_signs_of_life_keeps_it(register: FolderRegister) -> None:
    first = taken(register, "a")
    time = Time(lambda now: first.beat() if now < 20 * TERM else None)
    second = take(register, "stage", host("b"), waiting=lambda _: None, clock=time.clock())
    assert second is not None and second.taken_over
    assert 20.9 * TERM <= time.now < 21.2 * TERM
    assert not first.is_held()


def test_a_silent_holder_is_waited_for_as_long_as_it_has_asked_for(
    register: FolderRegister,
) -> None:
    assert take(register, "stage", host("a", seconds=5 * TERM)) is not None
    time = Time()
    taken(register, "b", time)
    assert 5 * TERM <= time.now < 5.2 * TERM


def test_who_does_not_wait_hears_that_the_holder_lives_and_takes_it_from_a_dead_one(
    register: FolderRegister,
) -> None:
    first = taken(register, "a")
    time = Time(lambda _: first.beat())
    assert take(register, "stage", host("b"), clock=time.clock()) is None
    assert time.now < TERM / 5
    assert take(register, "stage", host("b"), clock=Time().clock()) is not None


def test_a_watcher_that_slept_does_not_take_its_sleep_for_the_holders(
    register: FolderRegister,
) -> None:
    """It looks at the clock, sleeps before it looks at the holder, and sees him alive."""
    first = taken(register, "a")
    nights = [3.0, 6.0]

    def meanwhile(now: float) -> None:
        if nights and now > nights[0]:
            nights.pop(0)
            time.now += 100 * TERM
            first.beat()
        if not nights and len(acts(register)) == 1:
            first.release()

    time = Time(meanwhile)
    second = take(register, "stage", host("b"), waiting=lambda _: None, clock=time.clock())
    assert second is not None and not second.taken_over


def test_a_late_host_publishes_and_releases_nothing(register: FolderRegister) -> None:
    late = taken(register, "a")
    other = taken(register, "b")
    other.publish({"files": "b"})
    with pytest.raises(LeaseLost) as told:
        late.publish({"files": "a"})
    assert "taken over by b" in told.value.message and "10 s" in told.value.message
    assert "run again" in told.value.help
    assert told.value.exit_code == LEASE_LOST
    late.release()
    late.beat()  # disturbs nobody: each lease has its own
    assert other.is_held()
    other.release()
    assert [row for row in acts(register) if row[1] == "a"] == [("claimed", "a")]


def test_the_same_result_is_published_once(register: FolderRegister) -> None:
    first = taken(register, "a")
    first.publish({"files": "1"})
    second = taken(register, "b")  # it found the whole result
    second.publish({"files": "1"})
    assert [act for act, _ in acts(register)].count("published") == 1
    with pytest.raises(LeaseLost):
        first.publish({"files": "1"})


def test_a_result_of_an_earlier_lease_is_published_unless_another_was_since(
    register: FolderRegister,
) -> None:
    first = taken(register, "a")
    first.release()
    second = taken(register, "b")  # which fails
    second.release()
    late = taken(register, "a")
    late.publish({"files": "a"}, since=first.number)
    late.release()
    again = taken(register, "b")
    again.publish({"files": "a"}, since=second.number)  # it is the same
    with pytest.raises(LeaseLost, match="taken over by a, which has published a result of it"):
        again.publish({"files": "b"}, since=second.number)
    assert again.is_held()
    again.publish({"files": "b"}, since=again.number)


def test_an_answer_that_was_lost_is_no_loss_of_the_lease(register: FolderRegister) -> None:
    class Deaf(FolderRegister):
        def create(self, name: str, content: bytes) -> bool:
            return super().create(name, content) and super().create(name, content)

    lease = take(Deaf(register.folder), "stage", host("a"))
    assert lease is not None and lease.number == 1
    lease.publish({"files": "1"})


@pytest.mark.parametrize("published", [True, False])
def test_numbers_do_not_start_again_after_a_log_was_shortened(
    published: bool, register: FolderRegister
) -> None:
    late = taken(register, "a")
    other = taken(register, "b")
    if published:
        other.publish({"files": "b"})
    log = Log(register, "stage")
    log.shorten()
    assert log.numbers()[0] == 1  # somebody holds it
    other.release()
    log.shorten()
    left = log.numbers()
    assert left == ([3, 4] if published else [3])
    # The number that it thinks is next is free again.
    with pytest.raises(LeaseLost):
        late.publish({"files": "a"})
    assert not late.is_held()
    last = log.published()
    assert (last is not None) == published and (last is None or last.holder == "b")
    assert taken(register, "c").number == left[-1] + 1


def test_a_log_that_cannot_be_read_is_told(register: FolderRegister) -> None:
    register.create("stage/000000000001", b"{}")
    with pytest.raises(StageError, match="cannot be read"):
        taken(register, "a")


def test_a_name_that_is_listed_and_not_there_is_looked_for_a_while(
    register: FolderRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk shows names for a minute that are gone; one that stays is a fault, and ends."""
    events, lease = Log(register, "stage"), taken(register, "a")
    gone = register.folder / "stage" / "000000000009"
    gone.symlink_to("nowhere")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(slept) < 1000, "it looks for ever"
        if len(slept) == 5 and not stays:
            gone.unlink()

    monkeypatch.setattr(log.time, "sleep", sleep)
    stays = True
    with pytest.raises(StageError, match="'stage/000000000009' is listed, and is not there"):
        events.last()
    assert sum(slept) > 60
    slept.clear()
    stays = False
    number, event = events.last()
    assert (number, len(slept)) == (lease.number, 5) and event is not None


def test_of_many_at_once_one_creates_a_name_and_nobody_sees_half_of_it(
    register: FolderRegister,
) -> None:
    content = b"x" * 100_000
    won: list[bool] = []
    seen: set[bytes | None] = set()

    def one() -> None:
        won.append(register.create("stage/1", content))
        seen.add(register.read("stage/1"))

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True] and seen == {content}
    assert register.names("stage") == ["1"] and register.logs() == ["stage"]


def test_the_heartbeat_keeps_a_lease_and_wakes_who_has_lost_it(register: FolderRegister) -> None:
    lease = take(register, "stage", host("a", seconds=1))
    assert lease is not None
    log = Log(register, "stage")
    with pytest.raises(KeyboardInterrupt), Heartbeat(lease):
        first = log.beat(lease.number)
        wait_until(lambda: log.beat(lease.number) != first, "a second sign of life")
        assert lease.is_held()
        taken(register, "b")  # its clock has run past the term
        threading.Event().wait()
    assert lease.lost.is_set()


class Baton:
    """Lets one thread at a time take one step, in a random order, with long pauses."""

    def __init__(self, seed: int, hosts: int) -> None:
        self.random = random.Random(seed)
        self.now = 0.0
        self.turns = {number: threading.Semaphore(0) for number in range(hosts)}
        self.back = threading.Semaphore(0)
        self.live = set(self.turns)
        self.asleep: dict[int, float] = {}
        self.failures: list[BaseException] = []

    def step(self, number: int) -> None:
        self.back.release()
        self.turns[number].acquire()

    def drive(self) -> None:
        for _ in range(100_000):
            if not self.live:
                return
            self.now += self.random.choice((0.0, 0.1, 0.5))
            for number in sorted(self.live):
                if self.random.random() < 0.01:  # SIGSTOP, for longer than a term or not
                    self.asleep[number] = self.now + self.random.uniform(0, 3 * TERM)
            awake = [n for n in sorted(self.live) if self.asleep.get(n, 0) <= self.now]
            if not awake:
                self.now += 1
                continue
            self.turns[self.random.choice(awake)].release()
            self.back.acquire()
        raise AssertionError("no progress")


class Stepped(FolderRegister):
    """A register of which each request is a step of its host."""

    def __init__(self, folder: Path, step: Callable[[], None]) -> None:
        super().__init__(folder)
        self.step = step

    def create(self, name: str, content: bytes) -> bool:
        self.step()
        made = super().create(name, content)
        self.step()
        return made

    def read(self, name: str) -> bytes | None:
        self.step()
        return super().read(name)

    def overwrite(self, name: str, content: bytes) -> None:
        self.step()
        super().overwrite(name, content)

    def names(self, log: str) -> list[str]:
        self.step()
        return super().names(log)


def hosts_in_some_order(seed: int, folder: Path) -> tuple[int, int]:
    """Hosts do a stage, and are paused at any request for any time; one dies.

    Returns:
        How many of them published a result, and how many were too late.
    """
    hosts = 4
    baton = Baton(seed, hosts)
    told: set[str] = set()
    published: list[str] = []
    late: list[str] = []

    def work(number: int) -> None:
        name = str(number)

        def step() -> None:
            baton.step(number)

        def sleep(seconds: float) -> None:
            until = baton.now + seconds
            while baton.now < until:
                step()

        register = Stepped(folder, step)
        clock = Clock(now=lambda: baton.now, sleep=sleep)
        log = Log(register, "stage")
        while True:
            lease = take(register, "stage", host(name), waiting=lambda _: None, clock=clock)
            assert lease is not None
            there = log.published()
            if there is not None:
                told.add(there.holder)
                lease.release()
                log.shorten()
                return
            if number == 0:  # it dies
                return
            for _ in range(20):
                lease.beat()
                sleep(1)
            try:
                lease.publish({"by": name})
            except LeaseLost:
                late.append(name)
                continue
            published.append(name)
            lease.release()

    def run(number: int) -> None:
        baton.turns[number].acquire()
        try:
            work(number)
        except BaseException as error:
            baton.failures.append(error)
        finally:
            baton.live.discard(number)
            baton.back.release()

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(hosts)]
    for thread in threads:
        thread.start()
    baton.drive()
    assert not baton.failures
    # A host that slept between its last request and the answer does not know that it has published.
    assert len(told) == 1 and set(published) <= told and len(published) <= 1
    return len(published), len(late)


def test_whatever_the_order_one_result_is_published_and_all_hosts_end(tmp_path: Path) -> None:
    ends = [hosts_in_some_order(seed, tmp_path / str(seed)) for seed in range(12)]
    published, late = zip(*ends, strict=True)
    assert sum(published) > 6 and sum(late) > 3
