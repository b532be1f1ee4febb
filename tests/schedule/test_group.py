"""Machines of a Ray cluster as a group: it is reserved, and ends with its stage, whatever way that ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataenvgym_spec.schedule.capacity import Capacity
from dataenvgym_spec.schedule.elsewhere import INTERRUPTED, Driving
from dataenvgym_spec.schedule.local import LocalRunner
from dataenvgym_spec.schedule.parcels.desk import Desk
from dataenvgym_spec.schedule.parcels.pack import Packer, home_of
from dataenvgym_spec.schedule.protocol import Finished, Needs, Work
from dataenvgym_spec.schedule.ray.cluster import Cluster
from dataenvgym_spec.schedule.ray.runner import RayRunner
from dataenvgym_spec.setup.hardware.profile import Room
from dataenvgym_spec.store.layout import Layout
from tests.support.commands import ROOT
from tests.support.processes import running
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL
from tests.support.waiting import wait_until

HELP = "dataenvgym_spec.execute.training.help"


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RayRunner]:
    """One with a cluster of its own, on this machine: a group has both of its parts here."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DATAENVGYM_WARM", "0")
    repo = new_repo(tmp_path / "repo", SMALL)
    call("dataenvgym", "compile", cwd=repo)
    layout = Layout(root=repo)
    cluster = Cluster.connect(None, Room(cpus=2))
    desk = Desk(layout, Packer(layout, home_of(layout, shared=True)))
    local = LocalRunner(layout, Capacity(cpus=1), lambda _work: {})
    driving = Driving(layout=layout, local=local, variables=lambda _work: {})
    try:
        yield RayRunner(driving, cluster, desk)
    finally:
        desk.close()
        cluster.close()
        local.close()


def works(runner: RayRunner) -> Iterator[Work]:
    """Stages of some seconds, each of which takes two machines."""
    for path in sorted(runner.layout.store.glob("data-*")):
        target = f"store/{path.name}/dvc.yaml:data"
        yield Work(id=path.name, targets=(target,), needs=Needs(cpus=1, machines=2))


def helpers(work: Work) -> list[int]:
    """The processes of the machine beside the first."""
    return running(lambda words: HELP in words and any(word.endswith(work.id) for word in words))


def ended(runner: RayRunner, work: Work) -> Finished:
    """How a work ends, and that nothing of it is left."""
    found: list[Finished] = []

    def ends() -> bool:
        finished = runner.finished(0.1)
        if finished is not None:
            found.append(finished)
        return bool(found)

    wait_until(ends, "it ends")
    wait_until(lambda: not helpers(work), "the other machine is free")
    free = runner.cluster.ray.available_resources
    wait_until(lambda: free().get("CPU") == 2.0, "the room is given back")
    return found[0]


@pytest.mark.slow
def test_a_group_ends_with_its_stage(runner: RayRunner) -> None:
    done, lost, stopped = works(runner)

    def helps(work: Work) -> bool:
        runner.finished(0.1)
        return bool(helpers(work))

    runner.start(done)
    assert (finished := ended(runner, done)).code == 0, finished
    assert (runner.layout.stage(done.id) / "dvc.lock").is_file()

    # A machine that is killed takes the stage with it, unless that comes to its end before.
    runner.start(lost)
    wait_until(lambda: helps(lost), "the other machine is there")
    os.kill(helpers(lost)[0], signal.SIGKILL)
    finished = ended(runner, lost)
    assert finished.code == 0 or finished.fault

    runner.start(stopped)
    wait_until(lambda: helps(stopped), "the other machine is there")
    runner.stop(now=False)
    assert ended(runner, stopped).code == INTERRUPTED
