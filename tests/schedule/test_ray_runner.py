"""A runner on Ray, with a desk that packs and brings home; real clusters are in `test_on_ray`.

What Ray says of tasks is made up, so that it can be late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.elsewhere import INTERRUPTED, Driving
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.parcels import desk as home
from dataenvgym_spec.schedule.parcels.desk import Desk
from dataenvgym_spec.schedule.parcels.pack import Packer, home_of
from dataenvgym_spec.schedule.parcels.parcel import Outcome, Parcel
from dataenvgym_spec.schedule.protocol import Finished, Needs, Shard, Work
from dataenvgym_spec.schedule.ray import tasks
from dataenvgym_spec.schedule.ray.cluster import Cluster
from dataenvgym_spec.schedule.ray.group import Group
from dataenvgym_spec.schedule.ray.runner import RayRunner, _Task
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL
from tests.support.waiting import wait_until

MACHINE, MEMORY = 2**40, 2**28
"""Bytes of main memory: what the machine has, and what a stage needs."""


class Cancelled(Exception):
    """What Ray says of a task that was ended."""


class Stream:
    """What a task says, as far as it has come here."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, bytes]] = []
        self.cancelled = self.over = False

    @property
    def ready(self) -> bool:
        """Also once the task is cancelled, and still runs: Ray has its stream at an end then."""
        return bool(self.parts) or self.over or self.cancelled

    def completed(self) -> Completed:
        return Completed(self)

    def __next__(self) -> tuple[str, bytes]:
        if self.parts:
            return self.parts.pop(0)
        assert self.over, "Ray would wait here until the task has ended"
        raise Cancelled


class Completed:
    """What is ready once a task has ended."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    @property
    def ready(self) -> bool:
        return self.stream.over


class Rays:
    """What is asked of Ray's module: one machine, and tasks."""

    exceptions = SimpleNamespace(RayError=Cancelled)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(
            NodeAffinitySchedulingStrategy=lambda machine, **_: machine
        )
    )

    def __init__(self) -> None:
        self.streams: list[Stream] = []

    def nodes(self) -> list[dict[str, Any]]:
        resources = {"CPU": 8, "memory": MACHINE}
        return [{"Alive": True, "NodeID": "1", "NodeManagerHostname": "m", "Resources": resources}]

    def remote(self, task: Any) -> Any:
        def begin(_: object, given: object, *more: object) -> Stream:
            stream = Stream()
            if task is tasks.work:
                assert isinstance(given, tasks.Given)
                assert (given.cpus, given.memory, given.lent) == (1, MEMORY, True)
                self.streams.append(stream)
            else:
                assert given == MACHINE, "what stages keep there counts against that"
            return stream

        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=begin))

    def wait(self, signs: Sequence[Stream | Completed], **_: object) -> tuple[list[Any], list[Any]]:
        return [sign for sign in signs if sign.ready], []

    def get(self, part: tuple[str, bytes]) -> tuple[str, bytes]:
        return part

    def cancel(self, stream: Stream, *, force: bool) -> None:
        stream.cancelled = True


class Slow(Packer):
    """Packs one of the stages only once it may."""

    def __init__(self, layout: Layout, late: str, may: Event) -> None:
        super().__init__(layout, home_of(layout, shared=True))
        self.late, self.may = late, may

    def pack(
        self, directory: str, experiment: str | None = None, shard: Shard | None = None
    ) -> Parcel:
        if directory == self.late:
            assert self.may.wait(60)
        return super().pack(directory, experiment, shard)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "compile", cwd=repo)
    return Layout(root=repo)


def works(layout: Layout) -> Iterator[Work]:
    for path in sorted(layout.store.glob("data-*")):
        target = f"store/{path.name}/dvc.yaml:data"
        yield Work(id=path.name, targets=(target,), needs=Needs(memory=MEMORY))


def test_ctrl_c_twice_while_stages_are_packed_and_brought_home(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both come to their end while Ray has still to say that a third one has ended."""
    packing, coming, running = works(layout)
    may, brings = Event(), Event()

    def adopt(_layout: Layout, _outcomes: Mapping[str, Outcome], *, shared: bool) -> None:
        brings.set()
        assert may.wait(60)

    monkeypatch.setattr(home, "adopt", adopt)
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    desk, rays = Desk(layout, Slow(layout, packing.id, may)), Rays()
    runner = RayRunner(driving, Cluster(cast(Any, rays), "auto"), desk)
    ended: list[Finished] = []

    def looks(what: Any) -> bool:
        finished = runner.finished(0.05)
        if finished is not None:
            ended.append(finished)
        return bool(what())

    try:
        for work in (packing, coming):
            runner.start(work)
        wait_until(lambda: looks(lambda: rays.streams), "one is Ray's")
        rays.streams[0].parts.append((tasks.ENDED, Outcome(code=0, place="m").pack()))
        rays.streams[0].over = True
        wait_until(lambda: looks(brings.is_set), "it is brought home")
        runner.start(running)
        wait_until(lambda: looks(lambda: rays.streams[1:]), "another one is Ray's")

        runner.stop(now=False)
        runner.stop(now=True)
        may.set()
        wait_until(lambda: looks(lambda: not desk.busy), "the desk has done what it had begun")
        assert rays.streams[1].cancelled
        rays.streams[1].over = True
        wait_until(lambda: looks(lambda: len(ended) == 3), "all have ended")
    finally:
        may.set()
        desk.close()
        local.close()
    assert {one.work.id: one.code for one in ended} == dict.fromkeys(
        (packing.id, coming.id, running.id), INTERRUPTED
    )


@pytest.mark.parametrize("killed", [True, False])
def test_a_training_whose_other_machine_was_killed_has_not_failed_by_itself(
    killed: bool, tmp_path: Path
) -> None:
    layout = Layout(root=tmp_path)
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    desk = SimpleNamespace(refuse=lambda *_: None, brought=list, packed=list, busy=False)
    runner = RayRunner(driving, Cluster(cast(Any, Rays()), "auto"), cast(Desk, desk))
    said = Outcome(code=1, place="first", said="the connection was closed by its peer")
    part = Outcome(code=137 if killed else 1, place="second", fault=killed, said="its part ended")
    work = Work(id="train-1", targets=())
    task = _Task(work=work, directory="train-1", outcome=said)
    runner._tasks[work.id] = task
    try:
        runner._settle(task, cast(Group, SimpleNamespace(lost="", failed=part)))
        finished = runner.finished(0)
    finally:
        local.close()
    assert finished is not None and finished.code == 1 and finished.fault == killed
    assert finished.message == (part.said if killed else said.said)
