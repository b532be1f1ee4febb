"""Runs works as jobs of Slurm, and those that must stay on this machine beside it.

What is announced is submitted at once, with its dependencies: jobs follow each other while this
machine is away. A run that is started again finds the jobs of the one before by their names.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

from dataenvgym_spec.core.errors import LimitReached, StageError, UserError
from dataenvgym_spec.questions.cost.guard import LIMITS, guard
from dataenvgym_spec.schedule.local import reason
from dataenvgym_spec.schedule.parcels.adopt import put_in_place
from dataenvgym_spec.schedule.parcels.pack import home_of
from dataenvgym_spec.schedule.parcels.parcel import Outcome
from dataenvgym_spec.schedule.parcels.stays import directory_of, restorable, stays
from dataenvgym_spec.schedule.protocol import Finished, Runner, Work
from dataenvgym_spec.schedule.slurm import commands, job
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from dataenvgym_spec.store.layout import Layout

LOOK: Final = 2.0
"""Seconds between two questions to Slurm: every user of a cluster asks it."""
LATE: Final = 30.0
"""Seconds that a file of a node may take to be seen here."""
INTERRUPTED: Final = 130


class SlurmRunner:
    """Works as jobs.

    Args of the constructor:
        layout: the repository, on a file system that nodes see.
        cluster: how Slurm is asked.
        beside: runs the works that stay on this machine.
        variables: what the environment of a work has besides.
        made: hears of each work that was done there.
    """

    def __init__(
        self,
        layout: Layout,
        cluster: SlurmCluster,
        beside: Runner,
        variables: Callable[[Work], Mapping[str, str]],
        made: Callable[[Work], None] = lambda _work: None,
    ) -> None:
        self.layout, self.cluster, self.beside = layout, cluster, beside
        self.variables, self.made = variables, made
        self._prefix = f"dataenvgym-{home_of(layout, shared=True).token[:12]}-"
        self._jobs: dict[str, str] = {}
        """The jobs of works, by the works' ids."""
        self._running: dict[str, Work] = {}
        self._waiting: deque[Work] = deque()
        self._beside = 0
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
        there = commands.named(self._prefix)
        for work in works:
            directory = self._goes(work)
            if directory is None or not work.after <= self._jobs.keys():
                continue
            if LIMITS in self.variables(work):  # what may still be spent is known when it starts
                continue
            known = there.get(self._prefix + _name(work, directory))
            self._jobs[work.id] = known or self._submit(work, directory)

    def fits(self, _work: Work) -> bool:
        """Slurm has a queue of its own."""
        return True

    def start(self, work: Work) -> str:
        """Submits a work, unless it is."""
        directory = self._goes(work)
        if directory is None:
            self._waiting.append(work)
            self._start_beside()
            return ""
        self._running[work.id] = work
        given = self.variables(work)
        try:
            if LIMITS in given:
                guard(self.layout, given)
            if not self._submitted(work, directory):
                there = commands.named(self._prefix)
                known = there.get(self._prefix + _name(work, directory))
                self._jobs[work.id] = known or self._submit(work, directory)
        except LimitReached as error:
            self._end(work, code=error.exit_code, message=error.message)
        except StageError as error:
            self._end(work, code=1, message=f"{error.message}; {error.help}")
        return ""

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits for a work."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            self._look()
            if self._ended:
                return self._ended.popleft()
            if not (self._running or self._beside or self._waiting):
                return None
            left = LOOK if until is None else min(LOOK, until - time.monotonic())
            if left <= 0:
                return None
            self._wait(left)

    def stop(self, *, now: bool) -> None:
        """Ends all jobs, those that wait too."""
        self._stopped = True
        self.beside.stop(now=now)
        while self._waiting:
            self._ended.append(Finished(work=self._waiting.popleft(), code=INTERRUPTED))
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

    def _start_beside(self) -> None:
        while self._waiting and self.beside.fits(self._waiting[0]):
            self.beside.start(self._waiting.popleft())
            self._beside += 1

    def _wait(self, seconds: float) -> None:
        if not self._beside:
            time.sleep(seconds)
            return
        finished = self.beside.finished(min(seconds, 0.25))
        if finished is not None:
            self._beside -= 1
            self._ended.append(finished)
            self._start_beside()

    # --- jobs -------------------------------------------------------------------------------------

    def _submit(self, work: Work, directory: str) -> str:
        output = self.layout.output(work.id)
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(b"")
        name = _name(work, directory)
        job.outcome_file(self.layout, name).unlink(missing_ok=True)
        experiment = next(iter(work.experiments), "")
        given = {name: value for name, value in self.variables(work).items() if name != LIMITS}
        part = [] if work.shard is None else [str(work.shard.number), str(work.shard.count)]
        command = commands.program(
            job.__name__, str(self.layout.root), directory, experiment, *part, environ=given
        )
        after = sorted(self._jobs[one] for one in work.after if one in self._jobs)
        wanted = commands.Job(
            name=self._prefix + name,
            command=command,
            output=str(output),
            needs=work.needs,
            after=after,
        )
        return commands.submit(wanted, self.cluster)

    def _submitted(self, work: Work, directory: str) -> bool:
        """Whether there is a job for a work, or what came of one."""
        if work.id not in self._jobs or not self._failed:
            return work.id in self._jobs
        number = self._jobs[work.id]
        ended = commands.states([number])[number] not in commands.LIVE
        return not ended or job.outcome_file(self.layout, _name(work, directory)).exists()

    def _look(self) -> None:
        """Asks Slurm how jobs stand, not too often."""
        if not self._running or time.monotonic() - self._looked < LOOK:
            return
        self._looked = time.monotonic()
        numbers = {work.id: self._jobs[work.id] for work in self._running.values()}
        with suppress(StageError):  # it restarts now and then
            found = commands.states(numbers.values())
            done: list[Work] = []
            for work in list(self._running.values()):
                self._heard(work, found[numbers[work.id]], done)
            self._bring(done)

    def _heard(self, work: Work, state: str, done: list[Work]) -> None:
        if state in commands.LIVE:
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
        directory = directory_of(work)
        assert directory is not None
        try:
            name = _name(work, directory)
            return Outcome.unpack(job.outcome_file(self.layout, name).read_bytes())
        except (OSError, UserError):
            return None

    def _bring(self, works: list[Work]) -> None:
        """Puts the results of jobs into their places; their locks are there."""
        if not works:
            return
        directories = [directory_of(work) or "" for work in works if work.shard is None]
        wrong = ""
        try:
            if directories:
                put_in_place(self.layout, directories)
        except StageError as error:
            wrong = error.message
        for work in works:
            outcome = self._outcome(work)
            place = "" if outcome is None else outcome.place
            if not wrong and work.shard is None:
                self.made(work)
            self._end(work, code=1 if wrong else 0, place=place, fault=bool(wrong), message=wrong)

    def _end(
        self, work: Work, *, code: int, place: str = "", fault: bool = False, message: str = ""
    ) -> None:
        del self._running[work.id]
        self._gone.pop(work.id, None)
        if code:  # another try is another job
            self._jobs.pop(work.id, None)
            self._failed = True
        self._ended.append(
            Finished(work=work, code=code, place=place, fault=fault, message=message)
        )


def _name(work: Work, directory: str) -> str:
    """What a job is called by, less what is common to a clone's: the stage, and which shard."""
    return directory if work.shard is None else f"{directory}.{work.shard.name}"
