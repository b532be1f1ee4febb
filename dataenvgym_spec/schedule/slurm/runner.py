"""Runs works as jobs of Slurm, and those that must stay on this machine beside it.

What is announced is submitted at once, with its dependencies, and equal works as one array: jobs
follow each other while this machine is away. A run that is started again finds the jobs of the one
before by their names.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from dataenvgym_spec.core.errors import LimitReached, StageError
from dataenvgym_spec.schedule.elsewhere import INTERRUPTED, Beside, Driving, News
from dataenvgym_spec.schedule.local import reason
from dataenvgym_spec.schedule.parcels.adopt import put_in_place
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.parcels.stays import directory_of, restorable, stays
from dataenvgym_spec.schedule.protocol import Finished, Standing, Work
from dataenvgym_spec.schedule.slurm import commands, job
from dataenvgym_spec.schedule.slurm.arrays import Place
from dataenvgym_spec.schedule.slurm.queue import Queue
from dataenvgym_spec.schedule.slurm.standings import JobStanding, standings
from dataenvgym_spec.setup.hardware.leases import is_taken_over
from dataenvgym_spec.setup.hardware.profile import SlurmCluster

LOOK: Final = 2.0
"""Seconds between two questions to Slurm: every user of a cluster asks it."""
SENT: Final = Standing(waits="for Slurm")
LATE: Final = 30.0
"""Seconds that a file of a node may take to be seen here."""


class SlurmRunner:
    """Works as jobs.

    Args of the constructor:
        driving: the machine that drives the run, its clone on a file system that nodes see.
        cluster: how Slurm is asked.
    """

    def __init__(self, driving: Driving, cluster: SlurmCluster) -> None:
        self.driving, self.layout = driving, driving.layout
        self.queue = Queue(driving, cluster)
        self._jobs: dict[str, Place] = {}
        """The jobs of works, by the works' ids."""
        self._running: dict[str, Work] = {}
        self._asked: list[Work] = []
        """Works that can start, and have no job yet: equal ones become one array."""
        self._news = News()
        self._beside = Beside(driving.local, self._news)
        self._ended: deque[Finished] = deque()
        self._looked = 0.0
        self._gone: dict[str, float] = {}
        """Since when a job has ended that has left no outcome."""
        self._stopped = False
        self._failed = False
        """Whether a job has: those that waited for it are gone."""

    def announce(self, works: Iterable[Work]) -> None:
        """Submits works that depend on nothing but each other, before anything starts.

        Args:
            works: in an order in which each comes after those that it waits for.
        """
        there, new = self.queue.there(), list[Work]()
        announced = set[str]()
        for work in works:
            directory = self._goes(work)
            if directory is None or not work.after <= announced:
                continue
            if self.driving.is_limited(work):
                continue
            announced.add(work.id)
            if work.id in there:
                self._jobs[work.id] = there[work.id]
            else:
                new.append(work)
        for places in self.queue.submit_all(new, self._jobs):
            self._jobs |= places

    def fits(self, _work: Work) -> bool:
        """Slurm has a queue of its own."""
        return True

    def start(self, work: Work) -> Standing:
        """Submits a work, unless it is."""
        directory = self._goes(work)
        if directory is None:
            return self._beside.start(work)
        self._running[work.id] = work
        try:
            self.driving.admit(work)
            if not self._submitted(work):
                self._jobs.pop(work.id, None)
                self._asked.append(work)
        except LimitReached as error:
            self._end(work, code=error.exit_code, message=error.message)
        except StageError as error:
            self._end(work, code=1, message=f"{error.message}; {error.help}")
        return self._news.said(work, SENT)

    def news(self) -> list[tuple[Work, Standing]]:
        """Where works run, and what the others wait for."""
        return self._news.take()

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits for a work."""
        until = None if timeout is None else time.monotonic() + timeout
        self._submit()
        while True:
            self._look()
            if self._ended:
                return self._ended.popleft()
            if not (self._running or self._beside):
                return None
            left = LOOK if until is None else min(LOOK, until - time.monotonic())
            if left <= 0:
                return None
            self._wait(left)

    def stop(self, *, now: bool) -> None:
        """Ends all jobs, those that wait too.

        A run that was taken for dead, and wakes, leaves them to the one that has its place.
        """
        self._stopped = True
        self._ended.extend(self._beside.stop(now=now))
        asked, self._asked = self._asked, []
        for work in asked:
            self._end(work, code=INTERRUPTED)
        if not is_taken_over(self.layout, "run"):
            commands.cancel(self._jobs.values(), now=now)

    # --- works that stay here ---------------------------------------------------------------------

    def _goes(self, work: Work) -> str | None:
        """The directory of a work that becomes a job; None of one that stays here."""
        directory = directory_of(work)
        if directory is None or work.id in self._jobs:
            return directory
        # What jobs made while this machine was away is only brought to its place.
        asks = work.shard is None and stays(self.layout, directory)
        return None if asks or restorable(self.layout, directory) else directory

    def _wait(self, seconds: float) -> None:
        if not self._beside:
            time.sleep(seconds)
        else:
            self._ended.extend(self._beside.ended(min(seconds, 0.25)))

    # --- jobs -------------------------------------------------------------------------------------

    def _submit(self) -> None:
        """Submits the works that have come to their turn since the last time."""
        asked, self._asked = self._asked, []
        if not asked:
            return
        try:
            there = self.queue.there()
            self._jobs |= {work.id: there[work.id] for work in asked if work.id in there}
            # What they waited for is done.
            for places in self.queue.submit_all([w for w in asked if w.id not in there], {}):
                self._jobs |= places
        except StageError as error:
            for work in asked:
                if work.id not in self._jobs:
                    self._end(work, code=1, message=f"{error.message}; {error.help}")

    def _submitted(self, work: Work) -> bool:
        """Whether there is a job for a work, or what came of one."""
        if work.id not in self._jobs or not self._failed:
            return work.id in self._jobs
        number = str(self._jobs[work.id])
        return standings([number])[number].is_live or self._outcome(work) is not None

    def _look(self) -> None:
        """Asks Slurm how jobs stand, not too often."""
        if not self._running or time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        numbers = {work.id: str(self._jobs[work.id]) for work in self._running.values()}
        with suppress(StageError):  # it restarts now and then
            found = standings(numbers.values())
            done: list[Work] = []
            for work in list(self._running.values()):
                self._heard(work, found[numbers[work.id]], done)
            self._bring(done)

    def _heard(self, work: Work, said: JobStanding, done: list[Work]) -> None:
        state = said.state
        if said.waits:
            why = said.reason or state.capitalize()
            self._news.tell(work, Standing(waits=f"in Slurm: {why}"))
        elif said.nodes:
            self._news.tell(work, Standing(place=said.nodes, seconds=said.seconds or 0.0))
        if said.is_live:
            return
        outcome = self._outcome(work)
        if outcome is not None and not outcome.code:
            done.append(work)
        elif outcome is not None:
            message = outcome.said or reason(self.layout.output(work.id))
            self._end(
                work,
                code=outcome.code,
                place=outcome.place,
                fault=outcome.fault,
                message=message,
            )
        elif self._stopped or state == "CANCELLED":
            self._end(work, code=INTERRUPTED, message="its job was cancelled")
        elif state in commands.FAULTS:
            self._end(work, code=1, fault=True, message=f"its job ended: {state}")
        elif time.monotonic() - self._gone.setdefault(work.id, time.monotonic()) > LATE:
            message = (
                f"its job ended without an answer: {state}\n{reason(self.layout.output(work.id))}"
            )
            self._end(work, code=1, fault=state in {"COMPLETED", commands.GONE}, message=message)

    def _outcome(self, work: Work) -> Outcome | None:
        return job.outcome_of(self.layout, work.id, str(self._jobs[work.id]))

    def _bring(self, works: list[Work]) -> None:
        """Puts the results of jobs into their places; their locks are there."""
        if not works:
            return
        wrong = ""
        stages = [work.id for work in works if work.shard is None]
        try:
            if stages:
                put_in_place(self.layout, stages)
        except StageError as error:
            wrong = error.message
        for work in works:
            outcome = self._outcome(work)
            place = "" if outcome is None else outcome.place
            if not wrong and work.shard is None:
                self.driving.made(work)
            self._end(work, code=1 if wrong else 0, place=place, fault=bool(wrong), message=wrong)

    def _end(
        self, work: Work, *, code: int, place: str = "", fault: bool = False, message: str = ""
    ) -> None:
        del self._running[work.id]
        self._gone.pop(work.id, None)
        shutil.rmtree(job.outcomes_folder(self.layout, work.id), ignore_errors=True)
        if code:  # another try is another job
            self._jobs.pop(work.id, None)
            self._failed = True
        self._ended.append(
            Finished(work=work, code=code, place=place, fault=fault, message=message)
        )
