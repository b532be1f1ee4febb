"""How a run stands: what is done, what runs, what comes next, and how long the rest may take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from dataenvgym_spec.records.run_state import (
    End,
    FailedWork,
    On,
    RunningWork,
    RunState,
    WaitingWork,
)
from dataenvgym_spec.schedule.observer import View
from dataenvgym_spec.schedule.protocol import Finished, Standing, Work

NEXT: Final = 8
"""How many works that come next are named."""
SHOWN: Final = 64
"""How many works that run, or wait on a cluster, are named."""
TRUSTED: Final = 3
"""After so many works, what was expected is corrected by what they took."""


class Money(Protocol):
    """Knows what works cost."""

    def __call__(self, work: Work, seconds: float, *, last: bool) -> float | None:
        """The US dollars that a work has cost so far, or, at last, in the end.

        Args:
            work: the work.
            seconds: for how long it has been running.
            last: whether it has ended.

        Returns:
            None as long as nobody can know.
        """


@dataclass(slots=True)
class _Started:
    """A work that was started: how it stands, and since when."""

    work: Work
    standing: Standing
    since: float

    @property
    def runs(self) -> bool:
        return not self.standing.waits


class Progress:
    """Counts what happens in the rounds of a run.

    Args of the constructor:
        names: what is run.
        slots: how many works run at once; 0 where nobody can tell.
        outputs: the file with the output of a work, from the repository.
        money: what a work has cost.
        clock: seconds since the epoch.
        command: the words that started the run.
        on: where works run.
    """

    def __init__(
        self,
        names: Sequence[str],
        slots: int,
        outputs: Callable[[Work], str],
        money: Money,
        clock: Callable[[], float] = time.time,
        *,
        command: Sequence[str] = (),
        on: On = "local",
    ) -> None:
        self._command, self._on = tuple(command), on
        self.names, self.slots = tuple(names), slots
        self._outputs, self._money, self._clock = outputs, money, clock
        self.begun = clock()
        self.total = self.done = self.before = self.skipped = 0
        self.failed: list[FailedWork] = []
        self.ended_as: End | None = None
        self.ending = False
        self._started: dict[str, _Started] = {}
        self.running = 0
        """How many of those run. There can be thousands, and each event is followed by a look."""
        self._several = False
        self._left = 0.0
        """Expected seconds of all works that are not done."""
        self._took = self._expected = 0.0
        self._measured = 0
        self._paid = 0.0
        self._view: View | None = None
        self._looked = self.begun
        self._crowded = self._abreast = 0.0
        """Seconds in which works waited for room, and those of all that ran meanwhile."""

    def add(self, works: Sequence[Work], done: int) -> None:
        """Adds the works of a round.

        Args:
            works: what is to be done.
            done: how many steps were done before; it counts in the first round.
        """
        if not self.total:
            self.done = self.before = done
        # What an earlier round has not started is among them.
        self.total, self.skipped = self.done + len(works), 0
        self.ended_as = None
        self._left = sum(work.seconds for work in works)
        names = {name for work in works for name in work.experiments}
        self._several = self._several or len(names) > 1

    def title(self, work: Work) -> str:
        """A work with its experiment, where there are several."""
        if not self._several or not work.experiments:
            return work.title
        more = len(work.experiments) - 1
        return f"{work.experiments[0]}{f' (+{more})' if more else ''}: {work.title}"

    def started(self, work: Work, standing: Standing) -> None:
        """A work was started: it runs, or waits on a cluster."""
        one = _Started(work, standing, self._clock() - standing.seconds)
        self._started[work.id] = one
        self.running += one.runs

    def moved(self, work: Work, standing: Standing) -> None:
        """A work that was started stands otherwise than before."""
        one = self._started.get(work.id)
        if one is None:
            return
        ran, one.standing = one.runs, standing
        if one.runs is not ran:
            one.since = self._clock() - standing.seconds
            self.running += 1 if one.runs else -1

    def ended(self, finished: Finished, *, again: bool) -> None:
        """A work ended."""
        work = finished.work
        seconds = self.took(work)
        one = self._started.pop(work.id)
        self.running -= one.runs
        self._paid += self._money(work, seconds or 0.0, last=True) or 0.0
        if again:
            return
        self._left -= work.seconds
        if finished.code and self.ending:  # it was ended, and has not failed
            return
        if finished.code:
            self._fail(finished, finished.place or one.standing.place)
            return
        self.done += 1
        if seconds is not None:  # of how long it waited nothing is to be learnt
            self._measured += 1
            self._took += seconds
            self._expected += work.seconds

    def _fail(self, finished: Finished, place: str) -> None:
        title, output = self.title(finished.work), self._outputs(finished.work)
        message = finished.message or f"exit code {finished.code}"
        failed = FailedWork(title=title, message=message, output=output, place=place)
        self.failed.append(failed)

    def skipped_one(self, work: Work) -> None:
        """A work will not be started."""
        self.skipped += 1
        self._left -= work.seconds

    def look(self, view: View) -> None:
        """Takes a look at what lies ahead, and at how many works run while others wait for room."""
        now, running = self._clock(), self.running
        passed, self._looked = now - self._looked, now
        if running and (running < len(self._started) or view.is_crowded()):
            self._crowded += passed
            self._abreast += passed * running
        self._view = view

    def took(self, work: Work) -> float | None:
        """For how many seconds a work has been running; None if it has not been seen to run."""
        one = self._started[work.id]
        return self._clock() - one.since if one.runs else None

    def state(self) -> RunState:
        """How the run stands now."""
        running = self._running()
        queued = [one for one in self._started.values() if not one.runs]
        waiting = self._view.upcoming(NEXT) if self._view and not self.ended_as else []
        spent, unpriced = self._money_now(running)
        return RunState(
            names=self.names,
            process=os.getpid(),
            started=self.begun,
            updated=self._clock(),
            total=self.total,
            done=self.done,
            before=self.before,
            skipped=self.skipped,
            running=tuple(map(self._shown, _oldest(running))),
            queued=tuple(map(self._queued, _oldest(queued))),
            all_running=len(running),
            all_queued=len(queued),
            waiting=tuple(map(self.title, waiting)),
            failed=tuple(self.failed),
            seconds_left=self._seconds_left(running),
            usd=self._paid + spent,
            unpriced=unpriced,
            ending=self.ending,
            ended=self.ended_as,
            command=self._command,
            on=self._on,
        )

    def _running(self) -> list[_Started]:
        return [one for one in self._started.values() if one.runs]

    def _shown(self, one: _Started) -> RunningWork:
        return RunningWork(
            title=self.title(one.work),
            started=one.since,
            expected=one.work.seconds * self._pace(),
            place=one.standing.place,
            output=self._outputs(one.work),
        )

    def _queued(self, one: _Started) -> WaitingWork:
        title = self.title(one.work)
        return WaitingWork(title=title, since=one.since, reason=one.standing.waits)

    def _money_now(self, running: Sequence[_Started]) -> tuple[float, int]:
        """What works have cost so far that run, and of how many nobody knows it."""
        known, unknown = 0.0, 0
        for one in running:
            usd = self._money(one.work, self._clock() - one.since, last=False)
            known += usd or 0.0
            unknown += usd is None
        return known, unknown

    def _pace(self) -> float:
        """By how much works take longer than expected."""
        if self._measured < TRUSTED or not self._expected:
            return 1.0
        return self._took / self._expected

    def _width(self, running: int) -> float:
        """How many works run at once where there are enough of them."""
        if self._crowded:
            return self._abreast / self._crowded
        return self.slots or max(1, running)

    def _seconds_left(self, running: Sequence[_Started]) -> float | None:
        """The longer of two: the longest way to the end, and all work over what runs at once.

        Nobody knows how long a cluster lets works wait; while nothing runs, nothing is foretold.
        """
        if self._view is None or self.ended_as or self._measured < TRUSTED:
            return None
        if self._started and not running:
            return None
        spent = [self._clock() - one.since for one in running]
        begun = min(spent, default=0.0) if len(running) == len(self._started) else 0.0
        way = self._view.way() * self._pace() - begun
        work = (self._left * self._pace() - sum(spent)) / self._width(len(running))
        return max(way, work, 0.0)


def _oldest(started: Sequence[_Started]) -> list[_Started]:
    """Those that are named."""
    return sorted(started, key=lambda one: one.since)[:SHOWN]
