"""Runs works on a Ray cluster, and those that must stay on this machine beside it.

Ray decides which machine a task goes to. It repeats none: what is tried again is decided in
`order`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec.structs import replace as changed

from dataenvgym_spec.core.errors import LimitReached, UserError
from dataenvgym_spec.schedule.elsewhere import INTERRUPTED, Beside, Driving, News
from dataenvgym_spec.schedule.local import reason
from dataenvgym_spec.schedule.parcels import together
from dataenvgym_spec.schedule.parcels.desk import Desk
from dataenvgym_spec.schedule.parcels.parcel import Outcome, Parcel
from dataenvgym_spec.schedule.parcels.stays import directory_of, restorable, stays
from dataenvgym_spec.schedule.protocol import LEAST, Finished, Needs, Standing, Work
from dataenvgym_spec.schedule.ray import tasks
from dataenvgym_spec.schedule.ray.cluster import Cluster
from dataenvgym_spec.schedule.ray.group import Group, said
from dataenvgym_spec.schedule.ray.lack import lack
from dataenvgym_spec.schedule.ray.room import ClusterRoom

SLICE: Final = 0.1
"""Seconds for which one source of news is waited for before the others are looked at."""
PATIENCE: Final = 5.0
"""Seconds after which it is said what a work waits for."""
SENT: Final = Standing(waits="for Ray")


@dataclass(slots=True, kw_only=True)
class _Task:
    """A work that is Ray's: what streams its output, and how it stands.

    Attributes:
        directory: of its stage.
        stream: None before it runs and once it has ended.
        outcome: what the machine says came of it.
        stopped: whether the user has ended it.
        cancelled: whether Ray was told to end it.
        group: the machines that train together in it, where there are several.
        short: since when one of those has been missing.
        over: whether it has ended, and the other machines may not have.
        error: why it has not ended by itself.
        asked: what is wanted of a machine, or of each of several.
        since: when that was asked for; None before it is, and once it runs.
    """

    work: Work
    directory: str
    stream: Any = None
    outcome: Outcome | None = None
    stopped: bool = False
    cancelled: bool = False
    group: Group | None = None
    short: float | None = None
    over: bool = False
    error: Exception | None = None
    asked: Needs = LEAST
    since: float | None = None


class RayRunner:
    """Works on a cluster.

    Args of the constructor:
        driving: the machine that drives the run.
        cluster: the cluster.
        desk: packs stages of the repository.
        most: how many works are begun at once, there and here; None for as many as have room.
    """

    def __init__(
        self, driving: Driving, cluster: Cluster, desk: Desk, *, most: int | None = None
    ) -> None:
        self.driving, self.layout = driving, driving.layout
        self.cluster, self.desk, self.most = cluster, desk, most
        self._tasks: dict[str, _Task] = {}
        """By the name of the work."""
        self._room = ClusterRoom()
        self._news = News()
        self._beside = Beside(driving.local, self._news)
        self._ended: deque[Finished] = deque()
        self._remote = cluster.ray.remote(tasks.work)
        cluster.attend()

    # --- the protocol of a runner -----------------------------------------------------------------

    def fits(self, work: Work) -> bool:
        """Whether the machines together have room for a work, or one may wait at Ray.

        A cluster that grows by demand sees the one that waits.
        """
        if self.most is not None and len(self._tasks) + len(self._beside) >= self.most:
            return False
        if work.needs.here:
            return self._beside.fits(work)
        first = next(iter(self._tasks.values()), None)
        if first is None:
            return True
        return self._room.has(work.needs, self.cluster.machines, but=first.work.needs)

    def start(self, work: Work) -> Standing:
        """Starts a work."""
        directory = directory_of(work)
        if directory is None or self._stays(work, directory):
            return self._beside.start(work)
        self._tasks[work.id] = _Task(work=work, directory=directory)
        self._room.begun(work.needs)
        self.layout.output(work.id).parent.mkdir(parents=True, exist_ok=True)
        self.layout.output(work.id).write_bytes(b"")
        try:
            self.driving.admit(work)
        except LimitReached as error:
            self._end(work.id, code=error.exit_code, message=error.message)
        else:
            self.desk.pack(work.id, directory, next(iter(work.experiments), None), work.shard)
        return self._news.said(work, SENT)

    def give_up(self, works: Sequence[Work]) -> None:
        """Nothing: what was not started is nowhere."""

    def news(self) -> list[tuple[Work, Standing]]:
        """Where works run, and what the others wait for."""
        return self._news.take()

    def finished(self, timeout: float | None = None) -> Finished | None:
        """Waits for a work."""
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            self._look()
            if self._ended:
                return self._ended.popleft()
            left = SLICE if until is None else min(SLICE, until - time.monotonic())
            if left <= 0 or not (self._tasks or self._beside):
                return None
            self._wait(left)

    def stop(self, *, now: bool) -> None:
        """Ends all that runs, here and there."""
        self._ended.extend(self._beside.stop(now=now))
        for name, task in list(self._tasks.items()):
            task.stopped = True
            if task.group is not None:
                task.group.end(now=now)
            if task.stream is not None:
                self._cancel(task, now=now)
            elif now and not task.over:
                self._end(name, code=INTERRUPTED)

    def _stays(self, work: Work, directory: str) -> bool:
        # A shard asks the student alone, whoever judges what that says.
        asks = work.shard is None and stays(self.layout, directory)
        return asks or restorable(self.layout, directory)

    # --- works that go there ----------------------------------------------------------------------

    def _look(self) -> None:
        """Takes what has happened."""
        for name, parcel in self.desk.packed():
            self._submit(name, parcel)
        for directory, outcome, wrong in self.desk.brought():
            work = self._whole(directory)
            if work is None:
                continue
            if not wrong:
                self.driving.made(work)
            code = 1 if wrong else 0
            self._end(work.id, code=code, place=outcome.place, fault=bool(wrong), message=wrong)
        self._ended.extend(self._beside.ended())
        self._hear(0)
        for task in list(self._tasks.values()):
            if task.group is not None:
                self._look_after(task, task.group)
            if task.since is not None and time.monotonic() - task.since > PATIENCE:
                self._news.tell(task.work, Standing(waits=lack(task.asked, self.cluster.machines)))

    def _wait(self, seconds: float) -> None:
        if self._streams():
            self._hear(seconds)
        elif self.desk.busy:
            self.desk.wait(seconds)
        elif self._beside:
            self._ended.extend(self._beside.ended(seconds))
        else:
            time.sleep(seconds)

    def _submit(self, work: str, parcel: Parcel | UserError) -> None:
        task = self._tasks.get(work)
        if task is None:  # the user has ended it while it was packed
            return
        if isinstance(parcel, UserError):
            self._end(work, code=parcel.exit_code, message=parcel.message)
            return
        if task.stopped:
            self._end(work, code=INTERRUPTED)
            return
        needs, name = self._clipped(task.work.needs), task.work.title or task.work.id
        content = parcel.pack()
        if needs.machines > 1:
            task.group = Group(self.cluster, needs, content, name)
            options = task.group.part(0, needs, name)
        else:
            options = {
                "name": name,
                "num_cpus": needs.cpus,
                "num_gpus": needs.gpus,
                "memory": needs.memory or None,
                "max_retries": 0,
                "scheduling_strategy": "SPREAD",
            }
        self.cluster.attend()
        remote = self._remote.options(**options, num_returns="streaming")
        task.stream = remote.remote(content, self.cluster.given(needs), needs.machines)
        task.asked, task.since = needs, time.monotonic()

    def _clipped(self, needs: Needs) -> Needs:
        """What is asked for of a machine."""
        return self._room.clipped(needs, self.cluster.machines)

    def _cancel(self, task: _Task, *, now: bool) -> None:
        task.cancelled = True
        self.cluster.ray.cancel(task.stream, force=now)

    def _streams(self) -> dict[Any, tuple[_Task, Any]]:
        """What tasks say, and other machines of groups, by what is ready once it can be read."""
        streams: dict[Any, tuple[_Task, Any]] = {}
        for task in self._tasks.values():
            if task.stream is not None:
                streams[_sign(task.stream, cancelled=task.cancelled)] = task, task.stream
            if task.group is not None:
                for stream in task.group.streams:
                    streams[_sign(stream, cancelled=task.group.is_ending)] = task, stream
        return streams

    def _hear(self, seconds: float) -> None:
        """Hears what tasks say, for some seconds at most."""
        streams = self._streams()
        if not streams:
            return
        ready, _ = self.cluster.ray.wait(
            list(streams), num_returns=len(streams) if not seconds else 1, timeout=seconds
        )
        for sign in ready:
            task, stream = streams[sign]
            if stream is task.stream:
                self._read(task)
            elif task.group is not None:
                self._say(task, task.group.read(stream))

    def _read(self, task: _Task) -> None:
        try:
            kind, content = self.cluster.ray.get(next(task.stream))
        except StopIteration:
            self._over(task, None)
        except self.cluster.ray.exceptions.RayError as error:
            # A machine may be gone once it has answered.
            self._over(task, error if task.outcome is None else None)
        else:
            if kind == tasks.SAID:
                self._say(task, content)
            elif kind == tasks.BEGUN:
                self._begun(task, content.decode())
            else:
                task.outcome = Outcome.unpack(content)

    def _begun(self, task: _Task, place: str) -> None:
        task.since = None
        more = task.asked.machines - 1
        self._news.tell(task.work, Standing(place=f"{place} and {more} more" if more else place))

    def _say(self, task: _Task, content: bytes) -> None:
        if content:
            with self.layout.output(task.work.id).open("ab") as file:
                file.write(content)

    def _over(self, task: _Task, error: Exception | None) -> None:
        """A task has ended; the other machines of its training end with it."""
        task.stream, task.error, task.over, task.since = None, error, True, None
        if task.group is None:
            self._settle(task)
        else:
            task.group.end(now=task.stopped)

    def _look_after(self, task: _Task, group: Group) -> None:
        """Ends a training that has lost a machine, and settles one whose machines have ended."""
        if group.is_short and task.stream is not None:
            task.short = task.short or time.monotonic()
            if time.monotonic() - task.short > together.GRACE:
                group.end(now=False)
                self._cancel(task, now=False)
        if task.over and group.close():
            task.group = None
            self._settle(task, group)

    def _whole(self, directory: str) -> Work | None:
        """The work that is all of a stage; None if the user has ended it meanwhile."""
        works = (task.work for task in self._tasks.values() if task.directory == directory)
        return next((work for work in works if work.shard is None), None)

    def _settle(self, task: _Task, group: Group | None = None) -> None:
        """What came of a task."""
        task.over = False
        outcome, work = task.outcome, task.work
        if outcome is not None and not outcome.code:
            self._done(task, outcome)
        elif task.stopped and outcome is None:
            self._end(work.id, code=INTERRUPTED)
        elif outcome is not None:
            self.desk.refuse(task.directory, outcome)
            message = outcome.said or reason(self.layout.output(work.id))
            self._failed(task, group, changed(outcome, said=message))
        else:
            message = "a task ended without an answer"
            if task.error is not None:
                message = f"Ray lost it: {said(task.error)}"
            self._failed(task, group, Outcome(code=1, place="", fault=True, said=message))

    def _done(self, task: _Task, outcome: Outcome) -> None:
        if task.work.shard is None:
            self.desk.bring(task.directory, outcome)
            return
        self.desk.keep(task.directory, task.work.shard, outcome.answers)
        self._end(task.work.id, code=0, place=outcome.place)

    def _failed(self, task: _Task, group: Group | None, outcome: Outcome) -> None:
        """Says why a task has failed; what happened to a machine that trained with it counts."""
        fault, message = outcome.fault, outcome.said
        if group is not None and not task.stopped:
            if group.lost:
                fault, message = True, f"a machine that trained with it is gone: {group.lost}"
            elif group.failed is not None and (group.failed.fault or task.outcome is None):
                # A stage whose other machine's part was killed says that it has lost that.
                fault, message = group.failed.fault, group.failed.said
        place = outcome.place
        self._end(task.work.id, code=outcome.code, place=place, fault=fault, message=message)

    def _end(
        self, name: str, *, code: int, place: str = "", fault: bool = False, message: str = ""
    ) -> None:
        work = self._tasks.pop(name).work
        self._room.ended(work.needs)
        self._ended.append(
            Finished(work=work, code=code, place=place, fault=fault, message=message)
        )


def _sign(stream: Any, *, cancelled: bool) -> Any:
    """What Ray has ready once a stream can be read without waiting.

    Of a task that was cancelled it has the stream at an end at once, and whoever reads that waits
    until the task has ended.
    """
    return stream.completed() if cancelled else stream
