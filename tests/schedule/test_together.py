"""What machines of one training are told, and when there can be none."""

from __future__ import annotations

import _thread
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.schedule.models import Models
from dataenvgym_spec.schedule.needs import Spread, needs
from dataenvgym_spec.schedule.parcels.together import require_together, told
from dataenvgym_spec.schedule.protocol import Needs, Work
from dataenvgym_spec.schedule.ray.tasks import _undisturbed
from dataenvgym_spec.schedule.ready import Ready
from dataenvgym_spec.setup.hardware.profile import SlurmCluster
from tests.support.graphs import compiled
from tests.support.slurm import needs_slurm
from tests.support.slurm_commands import on_slurm
from tests.support.specs import SMALL

PORT = {"DATAENVGYM_MAIN_ADDRESS": "elsewhere:4567"}


def test_the_first_machine_is_the_one_that_the_engine_chose() -> None:
    assert told(2, "10.0.0.7", {}) == {
        "DATAENVGYM_MACHINES": "2",
        "DATAENVGYM_MAIN_ADDRESS": "10.0.0.7",
    }
    assert told(3, "10.0.0.7", PORT)["DATAENVGYM_MAIN_ADDRESS"] == "10.0.0.7:4567"


def test_machines_that_share_nothing_do_not_train_together() -> None:
    require_together(2, shared=True)
    require_together(1, shared=False)
    with pytest.raises(UserError, match="needs a file system that all of them see"):
        require_together(2, shared=False)


@needs_slurm
def test_nodes_do_not_train_together_in_containers(tmp_path: Path) -> None:
    cluster = SlurmCluster(container_image="it.sif")
    assert on_slurm(tmp_path, cluster)
    with pytest.raises(UserError, match="cannot be started from within a container"):
        on_slurm(tmp_path, cluster, DATAENVGYM_MACHINES="2")


def test_only_what_trains_takes_several_machines(tmp_path: Path) -> None:
    graph = compiled(tmp_path, SMALL)
    spread = Spread(processes=2, machines=3)
    models = Models(graph.by_id())
    taken = {stage.kind: needs(stage, spread, models) for stage in graph.stages}
    assert {kind for kind, one in taken.items() if one.machines > 1} == {"student", "train"}
    assert taken["train"].machines == 3 and taken["train"].cpus == 2, "on each of them"


def test_what_several_machines_lack_is_asked_of_as_many() -> None:
    """One that does not fit holds back those that need what it lacks: here it is the machines that lack processors."""
    asked: list[Needs] = []

    def fits(work: Work) -> bool:
        asked.append(work.needs)
        return work.needs.machines == 1

    works = [
        Work(id="two", targets=(), needs=Needs(cpus=1, machines=2)),
        *(Work(id=str(number), targets=()) for number in range(40)),
    ]
    ready = Ready(works)
    for number in range(len(works)):
        ready.add(number)
    taken = [ready.take(fits) for _ in range(40)]
    assert 0 not in taken and None in taken
    assert all(needs.machines == 2 for needs in asked if needs.memory == 0 and needs.cpus == 0)


def test_an_interrupt_waits_until_a_process_is_known() -> None:
    known = False
    with pytest.raises(KeyboardInterrupt), _undisturbed():
        _thread.interrupt_main()
        known = True
    assert known
