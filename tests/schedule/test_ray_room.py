"""Room on the machines that a Ray cluster has at the moment; real ones come and go in `test_on_ray`.

Where there are no GPUs, and no machines that grow by demand, what Ray tells of them is made up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.cli.engines import OnRay
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.elsewhere import Driving
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.parcels.desk import Desk
from dataenvgym_spec.schedule.protocol import Needs, Runner, Work
from dataenvgym_spec.schedule.ray import cluster as connection
from dataenvgym_spec.schedule.ray.cluster import Cluster, Machine
from dataenvgym_spec.schedule.ray.lack import clipped
from dataenvgym_spec.schedule.ray.room import ClusterRoom
from dataenvgym_spec.schedule.ray.runner import RayRunner, _Task
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import new_repo
from tests.support.specs import SMALL

HEAD, PROCESSORS, GPUS = (0, 0), (4, 0), (2, 2)


class Rays:
    """What is asked of Ray's module: its machines, by processors and GPUs, and tasks."""

    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(
            NodeAffinitySchedulingStrategy=lambda machine, **_: machine
        )
    )

    def __init__(self, *machines: tuple[int, int]) -> None:
        self.machines = list(machines)
        self.looks: list[Callable[[], None]] = []
        self.asked: list[dict[str, Any]] = []
        self.cancelled = 0

    def nodes(self) -> list[dict[str, Any]]:
        if self.looks:
            self.looks.pop(0)()
        return [
            {
                "Alive": True,
                "NodeID": str(number),
                "NodeManagerHostname": f"m{number}",
                "Resources": {"CPU": cpus, "GPU": gpus, "memory": 2**40},
            }
            for number, (cpus, gpus) in enumerate(self.machines)
        ]

    def remote(self, *_task: Any) -> Rays:
        return self

    def options(self, **options: Any) -> Rays:
        self.asked.append(options)
        return self

    def cancel(self, _task: Any) -> None:
        self.cancelled += 1


class Packs:
    """A desk at which parcels are never ready: what is started stays at it."""

    def pack(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines are asked for each time, and without a pause."""
    monkeypatch.setattr(connection, "FRESH", -1.0)
    monkeypatch.setattr(connection, "PAUSE", 0.0)


def on(rays: Rays) -> Cluster:
    return Cluster(cast(Any, rays), "auto")


def test_a_run_waits_for_the_first_machine_and_asks_for_one() -> None:
    rays, said = Rays(HEAD), list[str]()
    rays.looks = [lambda: None, lambda: None, lambda: rays.machines.append(PROCESSORS)]
    on(rays).wait_for_room(lambda: said.append("waits"))
    assert said == ["waits"] and rays.machines == [HEAD, PROCESSORS]
    assert [one["num_cpus"] for one in rays.asked] == [1] and rays.cancelled == 1
    on(rays).wait_for_room(lambda: said.append("waits"))
    assert said == ["waits"] and len(rays.asked) == 1


def test_a_machine_that_runs_stages_has_what_they_need() -> None:
    rays = Rays(HEAD, PROCESSORS)
    ray = SimpleNamespace(
        nodes=rays.nodes,
        util=rays.util,
        exceptions=SimpleNamespace(
            TaskUnschedulableError=KeyError, NodeDiedError=KeyError, RayError=KeyError
        ),
        remote=lambda task: SimpleNamespace(options=lambda **_: SimpleNamespace(remote=task)),
        get=lambda answer, **_: answer,
    )
    cluster = Cluster(cast(Any, ray), "auto")
    cluster.require(["json"])
    with pytest.raises(UserError, match=r"that stages of this run need: no_such$"):
        cluster.require(["json", "no_such"])
    rays.machines = [HEAD]
    cluster.require(["no_such"])


def test_what_a_stage_can_have_is_what_there_is_now() -> None:
    rays = Rays(HEAD, PROCESSORS)
    engine = object.__new__(OnRay)  # its constructor connects
    engine.cluster, engine.jobs = on(rays), None
    engine._known = engine.cluster.largest()
    assert (engine.cpus, engine.gpus, engine.slots) == (4, 0, 4)
    rays.machines.append(GPUS)
    assert (engine.cpus, engine.gpus, engine.slots) == (4, 2, 6)
    engine.jobs = 5
    assert engine.slots == 5
    # Those that are gone are expected back.
    rays.machines = [HEAD]
    assert (engine.cpus, engine.gpus, engine.slots) == (4, 2, 0)


def test_a_stage_waits_for_what_no_machine_has_and_holds_up_no_other(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    project = load_project((), root=repo)
    layout = project.layout
    write(project.compiled.graph, layout, everything=True)
    data = next(stage for stage in project.compiled.graph.stages if stage.kind == "data")

    def work(name: str, **needs: int) -> Work:
        target = f"store/{data.directory}/dvc.yaml:data"
        return Work(id=name, targets=(target,), needs=Needs(**needs))

    report = Work(id="report", targets=("dvc.yaml:tiny",))
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    full = SimpleNamespace(fits=lambda _work: False)
    busy = Driving(layout=layout, local=cast(Runner, full), variables=lambda _work: {})
    bounded = RayRunner(busy, on(Rays(PROCESSORS)), cast(Desk, Packs()), most=2)
    bounded.start(report)
    assert bounded.fits(work("cpu-0"))
    bounded.start(work("cpu-0"))
    assert not bounded.fits(work("cpu-1")), "the machine has room, and the user wants two at once"

    rays = Rays(HEAD, PROCESSORS)
    runner = RayRunner(driving, on(rays), cast(Desk, Packs()))
    try:
        assert runner._clipped(Needs(cpus=9, gpus=1)) == Needs(cpus=4, gpus=1)
        assert runner.fits(work("first", gpus=1))
        runner.start(work("first", gpus=1))
        assert not runner.fits(work("second", gpus=1)), "one waits at Ray, and no more"
        runner.start(work("cpu-1"))
        runner.start(work("cpu-2", cpus=2))
        assert runner.fits(work("cpu-3")), "the machine has a processor left"
        rays.machines.append(GPUS)
        assert runner.fits(work("second", gpus=1))
        assert runner._clipped(Needs(cpus=9, gpus=8)) == Needs(cpus=2, gpus=2), "all of one"
        rays.machines = [HEAD]
        assert runner._clipped(Needs(cpus=1)) == Needs(cpus=1), "it does not go to the head"
        assert not runner.fits(work("cpu-3"))
    finally:
        local.close()


def test_what_stays_here_takes_no_room_of_the_cluster(tmp_path: Path) -> None:
    """And waits for room here, where as many as there is room for are started."""
    running: list[Work] = []
    local = SimpleNamespace(
        fits=lambda _work: not running,
        start=running.append,
        stop=lambda **_: None,
    )
    driving = Driving(
        layout=Layout(root=tmp_path), local=cast(Runner, local), variables=lambda _work: {}
    )
    runner = RayRunner(driving, on(Rays(PROCESSORS)), cast(Desk, Packs()))
    here = [
        Work(id=f"report-{number}", targets=("dvc.yaml:tiny",), needs=Needs(cpus=4, here=True))
        for number in range(9)
    ]
    assert runner.fits(here[0])
    for work in here[:8]:  # as works do that are found to stay only when they start
        runner.start(work)
    assert not runner.fits(here[8]), "there is no room for it here"
    there = Work(id="a", targets=("store/data-0123456789abcdef/dvc.yaml:data",))
    runner._tasks["a"] = _Task(work=there, directory="data-0123456789abcdef")
    runner._room.begun(there.needs)
    assert runner.fits(Work(id="b", targets=(), needs=Needs(cpus=4)))


def summed(running: Sequence[Needs], needs: Needs, machines: Sequence[Machine]) -> bool:
    """Whether there is room, by adding up all that runs but the first."""
    ahead = [clipped(one, machines) for one in [*running, needs]][1:]
    return all(
        sum(one.machines * getattr(one, name) for one in ahead)
        <= sum(getattr(machine.room, name) for machine in machines)
        for name in ("cpus", "gpus", "memory")
        if getattr(ahead[-1], name)
    )


def test_room_is_what_adding_up_all_that_runs_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """And costs as many steps for each kind of need, not for each work that runs."""
    calls: list[Needs] = []

    def counted(needs: Needs, machines: Sequence[Machine]) -> Needs:
        calls.append(needs)
        return clipped(needs, machines)

    monkeypatch.setattr("dataenvgym_spec.schedule.ray.room.clipped", counted)
    chance = random.Random(7)
    kinds = [
        Needs(
            cpus=chance.randint(1, 6),
            gpus=chance.choice((0, 0, 1, 3)),
            memory=chance.choice((0, 10, 90)),
            machines=chance.choice((1, 1, 2)),
        )
        for _ in range(12)
    ]
    room, running, seen = ClusterRoom(), list[Needs](), set[bool]()
    machines: tuple[Machine, ...] = ()
    for step in range(600):
        if step % 150 == 0:
            machines = tuple(
                Machine(
                    id=str(number),
                    name=f"m{number}",
                    room=Needs(cpus=8, gpus=number % 3, memory=50),
                )
                for number in range(chance.randint(0, 9))
            )
        machines = tuple(machines)
        needs = chance.choice(kinds)
        if running:
            said = room.has(needs, machines, but=running[0])
            assert said == summed(running, needs, machines)
            seen.add(said)
        if len(running) < 25 and chance.random() < 0.6:
            running.append(needs)
            room.begun(needs)
        elif running:
            room.ended(running.pop(chance.randrange(len(running))))
    assert seen == {True, False}
    assert len(calls) <= 4 * len(set(kinds)), "for each list of machines each kind once"
