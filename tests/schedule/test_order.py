"""Works in their order: readiness, room, priorities and failures, with a runner that has slots and a clock of its own."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from dataenvgym_spec.schedule.observer import View
from dataenvgym_spec.schedule.order import Outcome, carry_out
from dataenvgym_spec.schedule.protocol import RUNS, Finished, Needs, Standing, Work
from dataenvgym_spec.schedule.ready import PATIENCE, Ready


@dataclass
class Slots:
    """A machine on which works take just as long as they are expected to."""

    cpus: int = 1
    gpus: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    """How often a work is killed before it ends well."""
    standing: Standing = RUNS
    """How a work stands once it is started."""
    moves: Mapping[str, tuple[Standing, ...]] = field(default_factory=dict)
    """And after that."""

    def __post_init__(self) -> None:
        self.clock = 0.0
        self.running: list[tuple[float, int, Work]] = []
        self.ended: list[Work] = []
        self.events: list[str] = []
        self.given_up: list[str] = []
        self.starts: dict[str, float] = {}
        self.begun: list[Work] = []
        self.left = dict(self.faults)
        self.told: list[tuple[Work, Standing]] = []

    def _free(self, needs: Needs) -> bool:
        cpus = sum(work.needs.cpus for _, _, work in self.running)
        gpus = sum(work.needs.gpus for _, _, work in self.running)
        return cpus + needs.cpus <= self.cpus and gpus + needs.gpus <= self.gpus

    def fits(self, work: Work) -> bool:
        return self._free(work.needs)

    def start(self, work: Work) -> Standing:
        assert self.fits(work)
        entry = (self.clock + work.seconds, len(self.events), work)
        heapq.heappush(self.running, entry)
        self.events.append(f"+{work.id}")
        self.starts[work.id] = self.clock
        self.begun.append(work)
        self.told += [(work, one) for one in self.moves.get(work.id, ())]
        return self.standing

    def give_up(self, works: Sequence[Work]) -> None:
        self.given_up += [work.id for work in works]

    def news(self) -> list[tuple[Work, Standing]]:
        told, self.told = self.told, []
        return told

    def finished(self, timeout: float | None = None) -> Finished | None:
        if self.ended:  # by the user
            return Finished(work=self.ended.pop(), code=130)
        if not self.running:
            return None
        self.clock, _, work = heapq.heappop(self.running)
        self.events.append(f"-{work.id}")
        if self.left.get(work.id):
            self.left[work.id] -= 1
            return Finished(work=work, code=137, fault=True)
        return Finished(work=work, code=self.codes.get(work.id, 0))

    def stop(self, *, now: bool) -> None:
        self.events.append("kill" if now else "stop")
        self.ended += [work for _, _, work in self.running]
        self.running.clear()


class Told:
    """What an observer hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.crowded: list[str] = []

    def started(self, work: Work, standing: Standing) -> None:
        self.lines.append(f"+{work.id}{standing.waits}")

    def moved(self, work: Work, standing: Standing) -> None:
        self.lines.append(f"{work.id}>{standing.waits}{standing.place}")

    def ended(self, finished: Finished, *, again: bool) -> None:
        self.lines.append(f"{finished.work.id}={finished.code}{' again' if again else ''}")

    def skipped(self, work: Work) -> None:
        self.lines.append(f"({work.id})")

    def tick(self, view: View) -> None:
        if view.is_crowded():
            self.crowded += [work.id for work in view.upcoming(1)]


def work(
    name: str,
    *after: str,
    seconds: float = 1,
    cpus: int = 1,
    gpus: int = 0,
    experiments: tuple[str, ...] = ("x",),
) -> Work:
    return Work(
        id=name,
        targets=(name,),
        after=frozenset(after),
        seconds=seconds,
        needs=Needs(cpus=cpus, gpus=gpus),
        experiments=experiments,
    )


DIAMOND = (work("a"), work("b", "a"), work("c", "a"), work("d", "b", "c"), work("e"))


def order(outcome: Outcome, runner: Slots) -> str:
    return f"{outcome.code}: {' '.join(runner.events)}"


@pytest.mark.parametrize(
    ("slots", "events"),
    [
        # What has the most time behind it comes first, and in a tie what was named first.
        (1, "0: +a -a +b -b +c -c +d -d +e -e"),
        (2, "0: +a +e -a +b -e +c -b -c +d -d"),
        (9, "0: +a +e -a +b +c -e -b -c +d -d"),
    ],
)
def test_a_work_starts_once_those_before_it_are_done_and_there_is_room(
    slots: int, events: str
) -> None:
    runner = Slots(slots)
    outcome = carry_out(DIAMOND, runner)
    assert order(outcome, runner) == events
    assert outcome.done == 5 and not outcome.stopped


def test_the_longest_way_comes_first_and_then_what_more_experiments_wait_for() -> None:
    works = [
        work("short", seconds=5),
        work("shared", seconds=5, experiments=("x", "y")),
        work("long", seconds=2),
        work("end", "long", seconds=50),
    ]
    runner = Slots(1)
    carry_out(works, runner)
    assert " ".join(runner.events) == "+long -long +end -end +shared -shared +short -short"


def test_what_does_not_fit_lets_others_pass_and_is_not_starved() -> None:
    """Small works that never leave two slots free at once; the large one is the most urgent."""
    small = [work(f"s{number}", seconds=1 + number % 2) for number in range(400)]
    runner = Slots(2)
    carry_out([work("first"), *small, work("large", "first", seconds=999, cpus=2)], runner)
    before = runner.events[: runner.events.index("+large")]
    assert PATIENCE <= sum(event.startswith("+s") for event in before) <= PATIENCE + 2


def test_who_waits_for_a_gpu_does_not_hold_up_who_needs_none() -> None:
    busy = work("busy", seconds=300, gpus=1)
    waits = work("waits", seconds=200, gpus=1)
    later = [work(f"g{number}", gpus=1) for number in range(3)]
    small = [work(f"s{number}") for number in range(100)]
    runner = Slots(cpus=2, gpus=1)
    carry_out([busy, waits, *later, *small], runner)
    # One slot is busy and works of the other pass, all of them, as they need no GPU.
    before = runner.events[: runner.events.index("+waits")]
    assert sum(event.startswith("+s") for event in before) == 100
    assert runner.events.index("+waits") < runner.events.index("+g0")


def test_works_that_wait_take_what_they_need_of_the_machines_that_have_come() -> None:
    """Those that run keep what they have, and the order stays."""
    runner = Slots(2)
    works = [work("now", seconds=9), *(work(name, seconds=3) for name in "abcd")]
    works.append(work("last", *"abcd"))

    def renewed(given: Sequence[Work]) -> Sequence[Work] | None:
        if runner.gpus or runner.clock < 3:
            return None
        runner.gpus = 1
        return [replace(one, needs=Needs(cpus=1, gpus=1)) for one in given]

    outcome = carry_out(works, runner, renewed=renewed)
    assert outcome.done == len(works) and not outcome.code
    needs = {one.id: one.needs.gpus for one in runner.begun}
    assert needs == {"now": 0, "a": 0, "b": 1, "c": 1, "d": 1, "last": 1}
    assert [one.id for one in runner.begun] == ["now", *"abcd", "last"]


def test_a_failure_stops_its_experiments_and_no_other() -> None:
    works = [
        work("shared", experiments=("x", "y")),
        work("bad", "shared", seconds=3, experiments=("x",)),
        work("behind", "bad", experiments=("x",)),
        work("apart", "shared", experiments=("x",)),
        work("also apart", "shared", experiments=("x",)),
        work("other", "shared", experiments=("y",)),
    ]
    told, runner = Told(), Slots(1, codes={"bad": 4})
    outcome = carry_out(works, runner, observer=told)
    assert [one.work.id for one in outcome.failed] == ["bad"]
    assert outcome.code == 4
    assert told.lines == [
        *("+shared", "shared=0", "+bad", "(behind)", "bad=4", "(apart)", "(also apart)"),
        *("+other", "other=0"),
    ]
    assert (outcome.done, outcome.skipped) == (2, 3)
    assert runner.given_up == ["behind", "apart", "also apart"]

    runner = Slots(1, codes={"bad": 4})
    outcome = carry_out(works, runner, keep_going=True)
    assert (outcome.done, outcome.skipped, outcome.code) == (4, 1, 4)
    assert runner.given_up == ["behind"]

    # What runs beside it goes on.
    runner = Slots(2, codes={"b": 4})
    works = [work("a", seconds=5), work("b"), work("c", seconds=0.1), work("d", "a")]
    outcome = carry_out(works, runner)
    assert order(outcome, runner) == "4: +a +b -b -a"


def test_a_pause_is_one_experiments() -> None:
    works = [
        work("asks", experiments=("x", "y")),
        work("x only", seconds=0.5, experiments=("x",)),
        work("y only", seconds=0.5, experiments=("y",)),
    ]
    runner = Slots(1, codes={"asks": 3})
    outcome = carry_out(works, runner)
    assert order(outcome, runner) == "3: +asks -asks +y only -y only"


def test_only_faults_of_the_machine_are_tried_again() -> None:
    told, runner = Told(), Slots(1, codes={"c": 1}, faults={"a": 2, "b": 3})
    outcome = carry_out(
        [work("a"), work("b"), work("c")], runner, observer=told, keep_going=True, retries=2
    )
    assert told.lines.count("+a") == 3 and "a=0" in told.lines
    assert told.lines.count("b=137 again") == 2 and told.lines[-3] == "b=137"
    assert told.lines.count("+c") == 1
    assert [one.work.id for one in outcome.failed] == ["b", "c"]


def test_who_stops_ends_what_runs_and_starts_nothing() -> None:
    def asked() -> Iterator[int]:
        yield from (0, 1, 1, 2, 2)

    for answers, stops in ((asked(), ["stop"]), (iter([0, 2, 2, 2]), ["stop", "kill"])):
        told, runner = Told(), Slots(2)
        outcome = carry_out(
            [work("a"), work("b"), work("c")],
            runner,
            observer=told,
            retries=3,
            stopping=lambda answers=answers: next(answers),
        )
        assert outcome.stopped and not outcome.failed
        assert [event for event in runner.events if event[0] not in "+-"] == stops
        assert not any(line.startswith("+c") for line in told.lines)


def test_who_looks_on_hears_where_works_are_before_they_end() -> None:
    queue, there = Standing(waits="?"), Standing(place="there")
    told, runner = Told(), Slots(1, standing=queue, moves={"a": (queue, there), "b": (there,)})
    carry_out([work("a"), work("b", "a"), work("c", "a")], runner, observer=told)
    assert told.lines == [
        *("+a?", "a>?", "a>there", "a=0"),
        *("+b?", "b>there", "b=0", "+c?", "c=0"),
    ]
    assert told.crowded == ["c"], "there was no room for it while b ran"


def test_nothing_to_do_and_what_can_never_start() -> None:
    assert carry_out((), Slots(1)) == Outcome()
    with pytest.raises(ValueError, match="can never start: y, z"):
        carry_out((work("x"), work("y", "z"), work("z", "y")), Slots(1))
    with pytest.raises(ValueError, match="can never start: x"):
        carry_out((work("x", "nowhere"),), Slots(1))


def test_what_stays_on_this_machine_and_does_not_fit_holds_back_nothing_of_a_cluster() -> None:
    """However many pass it; and those of the cluster that wait for room there hold back nothing here."""
    here = [Work(id=f"h{number}", targets=(), needs=Needs(here=True)) for number in range(2)]
    count = 3 * PATIENCE
    works = [here[0], *(Work(id=str(number), targets=()) for number in range(count)), here[1]]
    ready = Ready(works)
    for number in range(len(works)):
        ready.add(number)
    taken = [ready.take(lambda work: not work.needs.here) for _ in range(count)]
    assert taken == list(range(1, count + 1))
    assert ready.take(lambda work: not work.needs.here) is None
    assert ready.take(lambda _: True) == 0
