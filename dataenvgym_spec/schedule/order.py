"""What is to be run next: readiness of works, their order, and what a failure stops.

How a work is run is a `Runner`'s business. Pure: it has neither clock nor files.

Each work costs a few steps of a heap, however many there are: readiness is a count of what a work
still waits for, and never a search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dataenvgym_spec.core.collector import collector_paused
from dataenvgym_spec.core.errors import LimitReached
from dataenvgym_spec.schedule.observer import Observer, Unobserved
from dataenvgym_spec.schedule.protocol import Finished, Runner, Work
from dataenvgym_spec.schedule.ready import Ready

ALIKE: Final = 1.1
"""Expected times within this factor count as equal: estimates are not more exact than that."""
TICK: Final = 0.25
"""Seconds after which a caller is asked whether to stop, while nothing ends."""

Stopping = Callable[[], int]
"""How often the user has asked to stop: once to end cleanly, twice to end at once."""
Renewed = Callable[[Sequence[Work]], Sequence[Work] | None]
"""All works, in the same order, with what they need of the machines that there are now; None as
long as that is the same."""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """How works came out.

    Attributes:
        done: how many are done.
        failed: those that failed, in the order in which they did.
        skipped: how many were not started.
        stopped: whether the user stopped it.
    """

    done: int = 0
    failed: list[Finished] = field(default_factory=list)
    skipped: int = 0
    stopped: bool = False

    @property
    def code(self) -> int:
        """0 if all are done, else the exit code of the first that failed."""
        return self.failed[0].code if self.failed else 0


def carry_out(
    works: Sequence[Work],
    runner: Runner,
    *,
    observer: Observer | None = None,
    keep_going: bool = False,
    retries: int = 0,
    stopping: Stopping | None = None,
    renewed: Renewed | None = None,
) -> Outcome:
    """Has works done, each as soon as those before it are done and there is room for it.

    Of those that could start, the one goes first behind which the most time lies (the critical
    path), then the one that the most experiments wait for. One that does not fit lets others pass
    for a while. A failure stops what comes after it, and of the experiments that need the failed
    work nothing else is started unless `keep_going`; what is running goes on.

    Args:
        works: in any order.
        runner: who does them.
        observer: hears of it.
        keep_going: whether experiments with a failure go on with what does not depend on it.
        retries: how often a work is tried again that the machine failed.
        stopping: says whether the user wants to stop; without it, Ctrl-C is an exception.
        renewed: is asked before works are started, where machines may come and go.

    Raises:
        ValueError: some works wait for each other, or for one that is not among them.
    """
    return _Queue(
        works=works,
        runner=runner,
        observer=observer or Unobserved(),
        keep_going=keep_going,
        retries=retries,
        stopping=stopping or (lambda: 0),
        renewed=renewed or (lambda _works: None),
        # Where nobody is to be asked or told, nothing has to wake up.
        tick=TICK if observer or stopping else None,
    ).run()


class _Queue:
    """The state of one `carry_out`. Works are known by their places, the most urgent first."""

    def __init__(
        self,
        *,
        works: Sequence[Work],
        runner: Runner,
        observer: Observer,
        keep_going: bool,
        retries: int,
        stopping: Stopping,
        renewed: Renewed,
        tick: float | None,
    ) -> None:
        with collector_paused():
            self._set_up(works)
        self.runner, self.observer = runner, observer
        self.keep_going, self.retries = keep_going, retries
        self.stopping, self.renewed, self.tick = stopping, renewed, tick
        self.ready = Ready(self.works)
        self.open = bytearray(b"\1") * len(works)
        """Whether a work may still be started or is running."""
        self.tries: dict[int, int] = {}
        self.lost: set[str] = set()
        """The experiments of which nothing is started any more."""
        self.running: set[int] = set()
        self.given_up: list[Work] = []
        """What is not started any more, until the runner hears of it."""
        self.stops = 0
        self.outcome = Outcome()
        for number, count in enumerate(self.before):
            if not count:
                self.ready.add(number)

    def _set_up(self, works: Sequence[Work]) -> None:
        """Puts works into their order, and links them."""
        before, behind = _links(works, _positions(works))
        ahead = _ahead(works, before, behind)
        order = _order(works, ahead)
        self.works = [works[number] for number in order]
        self.ahead = [ahead[number] for number in order]
        self.position = _positions(self.works)
        self.before = [before[number] for number in order]
        places = [0] * len(works)
        for place, number in enumerate(order):
            places[number] = place
        self.behind = [[places[after] for after in behind[number]] for number in order]

    def run(self) -> Outcome:
        """Has all works done."""
        while True:
            self._stop(self.stopping())
            if not self.stops:
                self._start()
            if self.given_up:
                self.runner.give_up(self.given_up)
                self.given_up = []
            if not self.running and (self.stops or not self.ready):
                return self.outcome
            finished = self.runner.finished(self.tick)
            for work, standing in self.runner.news():
                self.observer.moved(work, standing)
            # Before the end: what is free now was not while others waited for it.
            self.observer.tick(self)
            if finished is not None:
                self._end(finished)

    def upcoming(self, count: int) -> list[Work]:
        """The works that will be started next: those that are ready, then those right behind."""
        found = self.ready.first(count)
        if len(found) < count:
            behind = {after for number in self.running for after in self.behind[number]}
            later = sorted(behind, key=lambda number: (self.before[number], number))
            found += [number for number in later if self.open[number]]
        return [self.works[number] for number in found[:count]]

    def way(self) -> float:
        """The seconds of the longest way to the end, from the start of what runs now."""
        first = [*self.running, *self.ready.first(1)]
        return max((self.ahead[number] for number in first), default=0.0)

    def is_crowded(self) -> bool:
        """Whether a work could start, and there is no room for it."""
        return bool(self.ready)

    def _stop(self, times: int) -> None:
        """Ends what runs, once the user wants that."""
        while self.stops < min(times, 2):
            self.stops += 1
            self.outcome.stopped = True
            self.runner.stop(now=self.stops == 2)

    def _start(self) -> None:
        """Starts what is ready, as far as there is room."""
        works = self.renewed(self.works)
        if works is not None:
            self.works = list(works)
            self.ready.renew(self.works)
        while True:
            number = self.ready.take(self.runner.fits)
            if number is None:
                return
            work = self.works[number]
            if self._is_lost(work):
                self._skip(number)
                continue
            standing = self.runner.start(work)
            self.running.add(number)
            self.observer.started(work, standing)

    def _is_lost(self, work: Work) -> bool:
        """Whether all experiments that need a work have failed."""
        failed = bool(self.outcome.failed) and not self.keep_going
        return failed and self.lost.issuperset(work.experiments)

    def _end(self, finished: Finished) -> None:
        number = self.position[finished.work.id]
        self.running.discard(number)
        if finished.code == 0:
            self._done(number)
        elif self._again(number, finished):
            self.observer.ended(finished, again=True)
            self.ready.add(number)
            return
        else:
            self._failed(number, finished)
        self.observer.ended(finished, again=False)

    def _done(self, number: int) -> None:
        self.open[number] = 0
        self.outcome.done += 1
        for after in self.behind[number]:
            self.before[after] -= 1
            if not self.before[after] and self.open[after]:
                self.ready.add(after)

    def _again(self, number: int, finished: Finished) -> bool:
        """Whether a work that failed is tried once more."""
        tried = self.tries.get(number, 0)
        if self.stops or not finished.fault or tried >= self.retries:
            return False
        self.tries[number] = tried + 1
        return True

    def _failed(self, number: int, finished: Finished) -> None:
        self.open[number] = 0
        if self.stops:  # it was ended, and has not failed
            return
        self.outcome.failed.append(finished)
        # A limit is one experiment's: to the others the work is still to be done.
        paused = finished.code == LimitReached.exit_code
        self.lost.update(finished.work.experiments[: 1 if paused else None])
        for after in self.behind[number]:
            self._skip(after)

    def _skip(self, number: int) -> None:
        """Gives up a work that has not been started, and what comes after it."""
        waiting = [number]
        while waiting:
            one = waiting.pop()
            if self.open[one]:
                self.open[one] = 0
                self.outcome.skipped += 1
                self.given_up.append(self.works[one])
                self.observer.skipped(self.works[one])
                waiting.extend(self.behind[one])


Links = tuple[list[int], list[list[int]]]
"""How many works each waits for, and which wait for it."""


def _positions(works: Sequence[Work]) -> dict[str, int]:
    return {work.id: number for number, work in enumerate(works)}


def _links(works: Sequence[Work], position: dict[str, int]) -> Links:
    before = [len(work.after) for work in works]
    behind: list[list[int]] = [[] for _ in works]
    for number, work in enumerate(works):
        for name in work.after:
            if name not in position:
                raise _impossible([work])
            behind[position[name]].append(number)
    return before, behind


def _ahead(
    works: Sequence[Work], before: Sequence[int], behind: Sequence[Sequence[int]]
) -> list[float]:
    """The seconds of the longest way through works that begins with each."""
    ahead = [0.0] * len(works)
    for number in reversed(_sorted(works, before, behind)):
        longest = max((ahead[after] for after in behind[number]), default=0.0)
        ahead[number] = works[number].seconds + longest
    return ahead


def _order(works: Sequence[Work], ahead: Sequence[float]) -> list[int]:
    """The positions of works, the most urgent first."""
    ranks = []
    for number, work in enumerate(works):
        ranks.append((-_magnitude(ahead[number]), -len(work.experiments), number))
    return [rank[-1] for rank in sorted(ranks)]


def _magnitude(seconds: float) -> int:
    """A time, as far as estimates are exact.

    >>> _magnitude(100) == _magnitude(103), _magnitude(100) < _magnitude(120)
    (True, True)
    """
    return math.floor(math.log(max(seconds, 1e-3), ALIKE))


def _sorted(
    works: Sequence[Work], before: Sequence[int], behind: Sequence[Sequence[int]]
) -> list[int]:
    """Positions in topological order.

    Raises:
        ValueError: there is none.
    """
    counts = list(before)
    order = [number for number, count in enumerate(counts) if not count]
    for number in order:  # it grows meanwhile
        for after in behind[number]:
            counts[after] -= 1
            if not counts[after]:
                order.append(after)
    if len(order) < len(works):
        raise _impossible(works[number] for number, count in enumerate(counts) if count)
    return order


def _impossible(works: Iterable[Work]) -> ValueError:
    names = ", ".join(sorted(work.id for work in works))
    return ValueError(f"these works can never start: {names}")
