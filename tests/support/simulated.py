"""Works of made-up studies, and a cluster with a clock of its own that does them: the scheduler itself is the real one."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataenvgym_spec.schedule.protocol import RUNS, Finished, Needs, Standing, Work

ARMS, ITERATIONS = 3, 4
STEPS = (
    ("plan", 5, 0),
    ("generate", 60, 0),
    ("check", 10, 0),
    ("train", 300, 1),
    ("evaluate", 90, 1),
)
"""The stages of an iteration, with the seconds that they take about and the GPUs that they need."""
SHARED = 20
"""How many experiments share a base student, with what is drawn and evaluated for it."""


def studies(count: int, seed: int = 0) -> list[Work]:
    """About so many works, of studies that share what comes first."""
    chance, works = random.Random(seed), list[Work]()
    number = 0
    while len(works) < count:
        works += _study(number, chance)
        number += 1
    return works[:count]


def _study(number: int, chance: random.Random) -> Iterator[Work]:
    base = number - number % SHARED
    sharing = tuple(f"e{base + more}" for more in range(SHARED))
    if number == base:
        yield _work(f"{base}/student", (), 200, 1, chance, sharing)
        yield _work(f"{base}/base", (f"{base}/student",), 60, 1, chance, sharing)
    own = (f"e{number}",)
    ends = []
    for arm in range(ARMS):
        before = f"{base}/base"
        for iteration in range(ITERATIONS):
            for step, seconds, gpus in STEPS:
                name = f"{number}/{arm}/{iteration}/{step}"
                yield _work(name, (before,), seconds, gpus, chance, own)
                before = name
        ends.append(before)
    yield _work(f"{number}/report", tuple(ends), 5, 0, chance, own)


def _work(
    name: str,
    after: tuple[str, ...],
    seconds: float,
    gpus: int,
    chance: random.Random,
    experiments: tuple[str, ...],
) -> Work:
    return Work(
        id=name,
        targets=(),
        after=frozenset(after),
        needs=GPU if gpus else CPU,
        seconds=seconds * chance.lognormvariate(0, 0.5),
        experiments=experiments,
    )


CPU, GPU = Needs(cpus=1), Needs(cpus=1, gpus=1)


@dataclass
class Cluster:
    """Workers that take about as long as expected, fail now and then, and get lost more often.

    Attributes:
        workers: how many works run at once.
        gpus: how many of them may use a GPU.
        failing: the share of attempts that fail by themselves.
        lost: the share of attempts whose worker is lost half-way.
        asked: how often it was asked whether a work fits.
    """

    workers: int
    gpus: int
    failing: float = 0.0
    lost: float = 0.0
    seed: int = 1
    clock: float = 0.0
    busy: float = 0.0
    busy_gpus: float = 0.0
    asked: int = 0
    free: int = 0
    free_gpus: int = 0
    way: dict[str, float] = field(default_factory=dict)
    """The seconds of the longest way through attempts that ends with each work."""

    def __post_init__(self) -> None:
        self.free, self.free_gpus = self.workers, self.gpus
        self._chance = random.Random(self.seed)
        self._running: list[tuple[float, int, float, Work]] = []
        self._number = 0

    def fits(self, work: Work) -> bool:
        self.asked += 1
        return work.needs.cpus <= self.free and work.needs.gpus <= self.free_gpus

    def start(self, work: Work) -> Standing:
        seconds = work.seconds * self._chance.uniform(0.7, 1.4)
        self._number += 1
        heapq.heappush(self._running, (self.clock + seconds, self._number, seconds, work))
        self.free -= work.needs.cpus
        self.free_gpus -= work.needs.gpus
        return RUNS

    def give_up(self, works: Sequence[Work]) -> None:
        pass

    def news(self) -> Sequence[tuple[Work, Standing]]:
        return ()

    def finished(self, timeout: float | None = None) -> Finished | None:
        if not self._running:
            return None
        self.clock, _, seconds, work = heapq.heappop(self._running)
        self.free += work.needs.cpus
        self.free_gpus += work.needs.gpus
        self.busy += seconds * work.needs.cpus
        self.busy_gpus += seconds * work.needs.gpus
        before = max((self.way.get(name, 0.0) for name in work.after), default=0.0)
        self.way[work.id] = max(self.way.get(work.id, 0.0), before) + seconds
        what = self._chance.random()
        if what < self.lost:
            return Finished(work=work, code=137, fault=True)
        return Finished(work=work, code=1 if what < self.lost + self.failing else 0)

    def stop(self, *, now: bool) -> None:
        raise AssertionError("nobody stops a simulation")

    @property
    def bound(self) -> float:
        """The seconds that no order of the same attempts can beat: all workers busy, all GPUs, or the longest way."""
        busy = max(self.busy / self.workers, self.busy_gpus / self.gpus)
        return max(busy, *self.way.values())
