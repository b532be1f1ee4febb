"""Runs works on a Ray cluster, and those that must stay on this machine beside it.

Ray decides which machine a task goes to. It repeats none: what is tried again is decided in
`order`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.errors import LimitReached, UserError
from dataenvgym_spec.questions.cost.guard import LIMITS, guard
from dataenvgym_spec.schedule.local import reason
from dataenvgym_spec.schedule.parcels.desk import Desk
from dataenvgym_spec.schedule.parcels.parcel import Outcome, Parcel
from dataenvgym_spec.schedule.parcels.stays import directory_of, restorable, stays
from dataenvgym_spec.schedule.protocol import Finished, Needs, Runner, Work
from dataenvgym_spec.schedule.ray import tasks
from dataenvgym_spec.schedule.ray.cluster import Cluster
from dataenvgym_spec.store.layout import Layout

INTERRUPTED: Final = 130
SLICE: Final = 0.1
"""Seconds for which one source of news is waited for before the others are looked at."""
AHEAD: Final = 1
"""Works that wait at Ray for a machine: a cluster that grows by demand sees them."""


@dataclass(slots=True, kw_only=True)
class _Task:
    """A work that is Ray's: of which stage, what streams its output, and how it stands."""

    work: Work
    directory: str
    stream: Any = None
    outcome: Outcome | None = None
    stopped: bool = False


class RayRunner:
    """Works on a cluster.

    Args of the constructor:
        layout: the repository.
        cluster: the cluster.
        desk: packs stages of the repository.
        beside: runs the works that stay on this machine.
        variables: what the environment of a work has besides.
        made: hears of each work that was done there.
    """

    def __init__(
        self,
        layout: Layout,
        cluster: Cluster,
        desk: Desk,
        beside: Runner,
        variables: Callable[[Work], Mapping[str, str]],
        made: Callable[[Work], None] = lambda _work: None,
    ) -> None:
        self.layout, self.cluster, self.desk = layout, cluster, desk
        self.beside, self.variables, self.made = beside, variables, made
        self._tasks: dict[str, _Task] = {}
        """By the name of the work."""
        self._waiting: deque[Work] = deque()
        """Works that stay here, and for which there is no room yet."""
        self._beside = 0
        self._ended: deque[Finished] = deque()
        self._remote = cluster.ray.remote(tasks.work)

    # --- the protocol of a runner -----------------------------------------------------------------

    def fits(self, work: Work) -> bool:
        """Whether the machines together have room for a work, or one may wait at Ray."""
        running = [self._clipped(task.work.needs) for task in self._tasks.values()]
        running += [self._clipped(one.needs) for one in self._waiting]
        if not running:
            return True
        wanted = [*running, self._clipped(work.needs)]
        rooms = [machine.room for machine in self.cluster.machines]
        ahead = wanted[AHEAD:]
        return all(
            sum(getattr(needs, name) for needs in ahead)
            <= sum(getattr(room, name) for room in rooms)
            for name in ("cpus", "gpus", "memory")
        )

    def start(self, work: Work) -> str:
        """Starts a work."""
        directory = directory_of(work)
        if directory is None or self._stays(work, directory):
            self._waiting.append(work)
            self._start_beside()
            return ""
        self._tasks[work.id] = _Task(work=work, directory=directory)
        self.layout.output(work.id).parent.mkdir(parents=True, exist_ok=True)
        self.layout.output(work.id).write_bytes(b"")
        given: Mapping[str, str] = self.variables(work)
        try:
            if LIMITS in given:
                guard(self.layout, given)
        except LimitReached as error:
            self._end(work.id, code=error.exit_code, message=error.message)
        else:
            self.desk.pack(work.id, directory, next(iter(work.experiments), None), work.shard)
        return ""

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits for a work."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            self._look()
            if self._ended:
                return self._ended.popleft()
            left = SLICE if until is None else min(SLICE, until - time.monotonic())
            if left <= 0 or not (self._tasks or self._beside or self._waiting):
                return None
            self._wait(left)

    def stop(self, *, now: bool) -> None:
        """Ends all that runs, here and there."""
        self.beside.stop(now=now)
        while self._waiting:
            work = self._waiting.popleft()
            self._ended.append(Finished(work=work, code=INTERRUPTED))
        for name, task in list(self._tasks.items()):
            task.stopped = True
            if task.stream is not None:
                self.cluster.ray.cancel(task.stream, force=now)
            elif now:
                self._end(name, code=INTERRUPTED)

    # --- works that stay here ---------------------------------------------------------------------

    def _stays(self, work: Work, directory: str) -> bool:
        # A shard asks the student alone, whoever judges what that says.
        asks = work.shard is None and stays(self.layout, directory)
        return asks or restorable(self.layout, directory)

    def _start_beside(self) -> None:
        while self._waiting and self.beside.fits(self._waiting[0]):
            self.beside.start(self._waiting.popleft())
            self._beside += 1

    # --- works that go there ----------------------------------------------------------------------

    def _look(self) -> None:
        """Takes what has happened."""
        for name, parcel in self.desk.packed():
            self._submit(name, parcel)
        for directory, outcome, wrong in self.desk.brought():
            work = self._whole(directory)
            if not wrong:
                self.made(work)
            code = 1 if wrong else 0
            self._end(work.id, code=code, place=outcome.place, fault=bool(wrong), message=wrong)
        while self._beside:
            finished = self.beside.finished(0)
            if finished is None:
                break
            self._beside -= 1
            self._ended.append(finished)
        self._start_beside()
        self._hear(0)

    def _wait(self, seconds: float) -> None:
        if any(task.stream is not None for task in self._tasks.values()):
            self._hear(seconds)
        elif self.desk.busy:
            self.desk.wait(seconds)
        elif self._beside:
            finished = self.beside.finished(seconds)
            if finished is not None:
                self._beside -= 1
                self._ended.append(finished)
        else:
            time.sleep(seconds)

    def _submit(self, name: str, parcel: Parcel | UserError) -> None:
        task = self._tasks[name]
        if isinstance(parcel, UserError):
            self._end(name, code=parcel.exit_code, message=parcel.message)
            return
        if task.stopped:
            self._end(name, code=INTERRUPTED)
            return
        needs = self._clipped(task.work.needs)
        task.stream = self._remote.options(
            name=task.work.title or task.work.id,
            num_returns="streaming",
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            memory=needs.memory or None,
            max_retries=0,
            scheduling_strategy="SPREAD",
        ).remote(parcel.pack())

    def _clipped(self, needs: Needs) -> Needs:
        """Needs, and where they are more than any machine has, all of the largest."""
        most = self.cluster.largest()
        return Needs(
            cpus=min(needs.cpus, most.cpus),
            gpus=min(needs.gpus, most.gpus),
            memory=min(needs.memory, most.memory),
        )

    def _hear(self, seconds: float) -> None:
        """Hears what tasks say, for some seconds at most."""
        streams = {
            task.stream: name for name, task in self._tasks.items() if task.stream is not None
        }
        if not streams:
            return
        ready, _ = self.cluster.ray.wait(
            list(streams), num_returns=len(streams) if not seconds else 1, timeout=seconds
        )
        for stream in ready:
            self._read(streams[stream], stream)

    def _read(self, name: str, stream: Any) -> None:
        task = self._tasks[name]
        try:
            kind, content = self.cluster.ray.get(next(stream))
        except StopIteration:
            task.stream = None
            self._came(task)
            return
        except self.cluster.ray.exceptions.RayError as error:
            task.stream = None
            # A machine may be gone once it has answered.
            if task.outcome is None:
                self._lost(task, error)
            else:
                self._came(task)
            return
        if kind == tasks.SAID:
            with self.layout.output(task.work.id).open("ab") as file:
                file.write(content)
        else:
            task.outcome = Outcome.unpack(content)

    def _whole(self, directory: str) -> Work:
        """The work that is all of a stage."""
        works = (task.work for task in self._tasks.values() if task.directory == directory)
        return next(work for work in works if work.shard is None)

    def _came(self, task: _Task) -> None:
        """A task has ended by itself."""
        outcome, work = task.outcome, task.work
        if outcome is None:
            self._end(work.id, code=1, fault=True, message="a task ended without an answer")
        elif outcome.code:
            self.desk.refuse(task.directory, outcome)
            message = outcome.said or reason(self.layout.output(work.id))
            self._end(
                work.id,
                code=outcome.code,
                place=outcome.place,
                fault=outcome.fault,
                message=message,
            )
        elif work.shard is not None:
            self.desk.keep(task.directory, work.shard, outcome.answers)
            self._end(work.id, code=0, place=outcome.place)
        else:
            self.desk.bring(task.directory, outcome)

    def _lost(self, task: _Task, error: Exception) -> None:
        """A task has not ended by itself: it was stopped, or its machine is gone."""
        if task.stopped:
            self._end(task.work.id, code=INTERRUPTED)
            return
        # What follows is about looking into Ray.
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        message = f"Ray lost it: {reason or type(error).__name__}"
        self._end(task.work.id, code=1, fault=True, message=message)

    def _end(
        self, name: str, *, code: int, place: str = "", fault: bool = False, message: str = ""
    ) -> None:
        work = self._tasks.pop(name).work
        self._ended.append(
            Finished(work=work, code=code, place=place, fault=fault, message=message)
        )
