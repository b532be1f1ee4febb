"""Runs works as jobs of Slurm, and those that must stay on this machine beside it.

What is announced is submitted at once, with its dependencies, and equal works as one array: jobs
follow each other while this machine is away. A run that is started again finds the jobs of the one
before by their names.
"""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Iterable, Sequence, Set
from typing import Final

from dataenvgym_spec.core.errors import LimitReached, StageError, UserError
from dataenvgym_spec.schedule.elsewhere import INTERRUPTED, Beside, Driving, News
from dataenvgym_spec.schedule.local import reason
from dataenvgym_spec.schedule.order import Stopping
from dataenvgym_spec.schedule.parcels.adopt import put_in_place
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.parcels.stays import directory_of, restorable, stays
from dataenvgym_spec.schedule.protocol import Finished, Standing, Work
from dataenvgym_spec.schedule.slurm import commands, job
from dataenvgym_spec.schedule.slurm.arrays import Batch, Place
from dataenvgym_spec.schedule.slurm.commands import Full, Unanswered
from dataenvgym_spec.schedule.slurm.ending import Ending
from dataenvgym_spec.schedule.slurm.queue import Queue
from dataenvgym_spec.schedule.slurm.standings import JobStanding, standings
from dataenvgym_spec.setup.hardware.leases import is_taken_over
from dataenvgym_spec.setup.hardware.profile import SlurmCluster

LOOK: Final = 2.0
"""Seconds between two questions to Slurm: every user of a cluster asks it."""
SENT: Final = Standing(waits="for Slurm")
LATE: Final = 30.0
"""Seconds that a file of a node may take to be seen here."""
AGAIN: Final = 10.0
"""Seconds after which Slurm is asked again to take what it could not."""


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
        self._asked: dict[str, Work] = {}
        """Works that can start, and may have no job yet: equal ones become one array."""
        self._later = 0.0
        """When they are submitted, where Slurm could not take them the last time."""
        self._news = News()
        self._beside = Beside(driving.local, self._news)
        self._ended: deque[Finished] = deque()
        self._looked = 0.0
        self._gone: dict[str, float] = {}
        """Since when a job has ended that has left no outcome."""
        self._stopped = self._killed = False
        self._ending = Ending(self.queue)
        self.given_up = 0
        """How many jobs were ended since their works are not to be done."""
        self._names: set[str] = set()
        """Of the works that may have jobs: Slurm may have taken one without an answer."""
        self._failed = False
        """Whether a job has: those that waited for it are gone."""

    def announce(self, works: Iterable[Work], stopping: Stopping = lambda: 0) -> None:
        """Submits works that depend on nothing but each other, before anything starts.

        Those that Slurm has no room for, no time, or refuses, are submitted when they can start:
        what is refused then, too, fails alone.

        Args:
            works: in an order in which each comes after those that it waits for.
            stopping: says whether the user wants to stop; then no more is submitted.
        """
        try:
            for batch in self.queue.batches(self._new(works), self._jobs):
                if stopping():
                    return
                self._announce_batch(batch)
        except (Full, Unanswered):
            self._later = time.monotonic() + AGAIN
        except StageError:
            return  # it is said of each work that comes to its turn

    def _new(self, works: Iterable[Work]) -> list[Work]:
        """The works that can be announced and have no job; of the others the jobs are noted.

        Raises:
            Unanswered: Slurm does not answer.
            StageError: it refuses to.
        """
        self._ending.tell()  # of an earlier round, which Slurm may not have heard
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
                self._names.add(work.id)
                new.append(work)
        return new

    def _announce_batch(self, batch: Batch) -> None:
        """Submits works, unless Slurm refuses them.

        Raises:
            Full: Slurm has no room for all of them now.
            Unanswered: Slurm does not answer.
        """
        try:
            for places in self.queue.submit_parts(batch):
                self._jobs |= places
        except (Full, Unanswered):
            raise
        except StageError:
            return

    def fits(self, work: Work) -> bool:
        """Whether there is room for a work that stays here; for others Slurm has a queue."""
        return not work.needs.here or self._beside.fits(work)

    def start(self, work: Work) -> Standing:
        """Submits a work, unless it is."""
        directory = self._goes(work)
        if directory is None:
            return self._beside.start(work)
        self._running[work.id] = work
        try:
            self.driving.admit(work)
        except LimitReached as error:
            self._end(work, code=error.exit_code, message=error.message)
        else:
            if work.id not in self._jobs or self._failed:
                self._asked[work.id] = work
                self._names.add(work.id)
        return self._news.said(work, SENT)

    def give_up(self, works: Sequence[Work]) -> None:
        """Ends the jobs of works that were announced: they would start while nobody watches."""
        names = {work.id for work in works}
        self.given_up += self._end_jobs(names)
        # Another round may want them after all.
        for name in names:
            self._jobs.pop(name, None)

    def news(self) -> list[tuple[Work, Standing]]:
        """Where works run, and what the others wait for."""
        return self._news.take()

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits for a work; once they are stopped, also until Slurm has heard of it."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            self._submit()
            self._look()
            # A second Ctrl-C waits no longer.
            silent = not self._ending.again() and self._stopped and not self._killed
            if self._ended and not silent:
                return self._ended.popleft()
            if not (self._running or self._beside or silent):
                return None
            left = LOOK if until is None else min(LOOK, until - time.monotonic())
            if left <= 0:
                return None
            self._wait(left)

    def stop(self, *, now: bool) -> None:
        """Ends all jobs, those that wait too."""
        self._stopped, self._killed = True, self._killed or now
        self._ending.now = self._killed
        self._ended.extend(self._beside.stop(now=now))
        for work in list(self._asked.values()):
            self._end(work, code=INTERRUPTED)
        self._end_jobs(self._names | self._jobs.keys())

    @property
    def are_left(self) -> bool:
        """Whether jobs were to be ended, and Slurm has not heard of it."""
        return not self._ending.is_heard

    @property
    def has_cancelled(self) -> bool:
        """Whether Slurm has heard that all jobs of this run are to end."""
        return self._stopped and not self.are_left and not is_taken_over(self.layout, "run")

    def _end_jobs(self, names: Set[str]) -> int:
        """Ends the jobs of works that have one, or may have; how many they are."""
        jobs = {name: self._jobs.get(name) for name in names if self._may_have(name)}
        self._ending.add(jobs)
        return len(jobs)

    def _may_have(self, name: str) -> bool:
        return name in self._jobs or name in self._names

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
        """Submits the works that have come to their turn; what Slurm cannot take now, later."""
        if not self._asked or time.monotonic() < self._later:
            return
        try:
            self._find()
            for batch in self.queue.batches(list(self._asked.values()), {}):
                self._submit_batch(batch)
        except (Full, Unanswered) as error:
            self._later = time.monotonic() + AGAIN
            away = isinstance(error, Unanswered)
            waits = "for Slurm, which does not answer" if away else "for room in Slurm's queue"
            for work in self._asked.values():
                self._news.tell(work, Standing(waits=waits))
        except StageError as error:
            for work in list(self._asked.values()):
                self._end(work, code=error.exit_code, message=f"{error.message}; {error.help}")

    def _find(self) -> None:
        """Takes the jobs of works that are there already, or have said what came of them."""
        there = self.queue.there()
        known = [str(self._jobs[name]) for name in self._asked if name in self._jobs]
        standing = standings(known)
        for name, work in list(self._asked.items()):
            place = there.get(name) or self._jobs.get(name)
            if place is None:
                continue
            self._jobs[name] = place
            lives = name in there or standing[str(place)].is_live
            if lives or self._outcome(work) is not None:
                del self._asked[name]
            else:
                del self._jobs[name]

    def _submit_batch(self, batch: Batch) -> None:
        """Submits works that wait for no others.

        Raises:
            Full: Slurm has no room for all of them now.
            Unanswered: Slurm does not answer.
        """
        try:
            for places in self.queue.submit_parts(batch):
                self._jobs |= places
                for name in places:
                    del self._asked[name]
        except (Full, Unanswered):
            raise
        except StageError as error:
            for work in batch.works:
                if work.id in self._asked:
                    said = f"{error.message}; {error.help}"
                    self._end(work, code=error.exit_code, message=said)

    def _look(self) -> None:
        """Asks Slurm how jobs stand, not too often."""
        works = [work for work in self._running.values() if work.id not in self._asked]
        if not works or time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        numbers = {work.id: str(self._jobs[work.id]) for work in works}
        try:
            found = standings(numbers.values())
        except StageError as error:  # its controller restarts now and then
            for work in works if self._killed else ():
                self._end(work, code=INTERRUPTED, message=f"{error.message}: its job may go on")
            return
        done: list[Work] = []
        for work in works:
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
            return
        place = said.nodes if outcome is None else outcome.place
        # What ended the job may have ended the stage, which then has not failed by itself.
        ended = outcome is None or outcome.fault
        if ended and (self._stopped or state == "CANCELLED"):
            self._end(work, code=INTERRUPTED, place=place, message="its job was cancelled")
        elif state in commands.FAULTS:
            self._end(work, code=1, place=place, fault=True, message=f"its job ended: {state}")
        elif outcome is not None:
            message = outcome.said or reason(self.layout.output(work.id))
            code, fault = outcome.code, outcome.fault
            self._end(work, code=code, place=place, fault=fault, message=message)
        elif self._is_late(work):
            words = reason(self.layout.output(work.id))
            message = f"its job ended without an answer: {state}\n{words}"
            fault = state not in commands.OVER
            self._end(work, code=1, place=place, fault=fault, message=message)

    def _is_late(self, work: Work) -> bool:
        """Whether what a job has left should have been seen by now, if it is there."""
        now = time.monotonic()
        return now - self._gone.setdefault(work.id, now) > LATE

    def _outcome(self, work: Work) -> Outcome | None:
        return job.outcome_of(self.layout, work.id, str(self._jobs[work.id]))

    def _bring(self, works: Sequence[Work]) -> None:
        """Puts the results of jobs into their places; those not seen here yet, the next time."""
        wrong = self._placed([work.id for work in works if work.shard is None])
        for work in works:
            said = wrong.get(work.id, "")
            if said and not self._is_late(work):
                continue
            outcome = self._outcome(work)
            place = "" if outcome is None else outcome.place
            if not said and work.shard is None:
                self.driving.made(work)
            self._end(work, code=1 if said else 0, place=place, fault=bool(said), message=said)

    def _placed(self, stages: Sequence[str]) -> dict[str, str]:
        """Puts results into their places; returns what went wrong, by stage."""
        if not stages:
            return {}
        try:
            put_in_place(self.layout, stages)
        except (UserError, OSError) as error:
            if len(stages) > 1:  # one holds up none of the others
                failures: dict[str, str] = {}
                for stage in stages:
                    failures |= self._placed([stage])
                return failures
            said = error.message if isinstance(error, UserError) else str(error)
            return dict.fromkeys(stages, said)
        return {}

    def _end(
        self, work: Work, *, code: int, place: str = "", fault: bool = False, message: str = ""
    ) -> None:
        del self._running[work.id]
        self._asked.pop(work.id, None)
        self._gone.pop(work.id, None)
        shutil.rmtree(job.outcomes_folder(self.layout, work.id), ignore_errors=True)
        if code:  # another try is another job
            self._jobs.pop(work.id, None)
            self._failed = True
        self._ended.append(
            Finished(work=work, code=code, place=place, fault=fault, message=message)
        )
