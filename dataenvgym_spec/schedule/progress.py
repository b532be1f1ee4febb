"""How a run stands: what is done, what runs, what comes next, and how long the rest may take."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from dataenvgym_spec.records.run_state import End, FailedWork, On, RunningWork, RunState
from dataenvgym_spec.schedule.observer import View
from dataenvgym_spec.schedule.protocol import Finished, Work

NEXT: Final = 8
"""How many works that come next are named."""
SHOWN: Final = 64
"""How many works that run are named."""
TRUSTED: Final = 3
"""After so many works, what was expected is corrected by what they took."""


class Money(Protocol):
    """Knows what works cost."""

    def __call__(self, work: Work, *, last: bool) -> float:
        """The US dollars that a work has cost so far, or, at last, in the end."""


class Progress:
    """Counts what happens in the rounds of a run.

    Args of the constructor:
        names: what is run.
        slots: how many works run at once.
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
        self.running: dict[str, tuple[Work, float, str]] = {}
        self._several = False
        self._left = 0.0
        """Expected seconds of all works that are not done."""
        self._took = self._expected = 0.0
        self._measured = 0
        self._paid = 0.0
        self._view: View | None = None

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

    def started(self, work: Work, place: str) -> None:
        """A work was started."""
        self.running[work.id] = (work, self._clock(), place)

    def ended(self, finished: Finished, *, again: bool) -> None:
        """A work ended."""
        work, started, _ = self.running.pop(finished.work.id)
        self._paid += self._money(work, last=True)
        if again:
            return
        self._left -= work.seconds
        if finished.code:
            title, output = self.title(work), self._outputs(work)
            message = finished.message or f"exit code {finished.code}"
            self.failed.append(FailedWork(title=title, message=message, output=output))
            return
        self.done += 1
        self._measured += 1
        self._took += self._clock() - started
        self._expected += work.seconds

    def skipped_one(self, work: Work) -> None:
        """A work will not be started."""
        self.skipped += 1
        self._left -= work.seconds

    def look(self, view: View) -> None:
        """Takes a look at what lies ahead, the next time somebody asks."""
        self._view = view

    def took(self, work: Work) -> float:
        """For how many seconds a work has been running."""
        return self._clock() - self.running[work.id][1]

    def state(self) -> RunState:
        """How the run stands now."""
        oldest = sorted(self.running.values(), key=lambda one: one[1])[:SHOWN]
        running = tuple(self._running(*one) for one in oldest)
        waiting = self._view.upcoming(NEXT) if self._view and not self.ended_as else []
        now = self._money_now()
        return RunState(
            names=self.names,
            process=os.getpid(),
            started=self.begun,
            updated=self._clock(),
            total=self.total,
            done=self.done,
            before=self.before,
            skipped=self.skipped,
            running=running,
            waiting=tuple(map(self.title, waiting)),
            failed=tuple(self.failed),
            seconds_left=self._seconds_left(),
            usd=self._paid + now,
            ending=self.ending,
            ended=self.ended_as,
            command=self._command,
            on=self._on,
        )

    def _running(self, work: Work, started: float, place: str) -> RunningWork:
        return RunningWork(
            title=self.title(work),
            started=started,
            expected=work.seconds * self._pace(),
            place=place,
            output=self._outputs(work),
        )

    def _money_now(self) -> float:
        """What works have cost so far that are running."""
        return sum(self._money(work, last=False) for work, _, _ in self.running.values())

    def _pace(self) -> float:
        """By how much works take longer than expected."""
        if self._measured < TRUSTED or not self._expected:
            return 1.0
        return self._took / self._expected

    def _seconds_left(self) -> float | None:
        """The longer of two: the longest way to the end, and all work over all slots."""
        if self._view is None or self.ended_as or self._measured < TRUSTED:
            return None
        spent = [self._clock() - started for _, started, _ in self.running.values()]
        way = self._view.way() * self._pace() - min(spent, default=0.0)
        work = (self._left * self._pace() - sum(spent)) / self.slots
        return max(way, work, 0.0)
