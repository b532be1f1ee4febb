"""A training that two machines of a real Ray cluster do together: machines, networks and deaths as in test_on_ray.py."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.support.half_done import half_done, works_on
from tests.support.machines import needs_machines
from tests.support.rays import Driver, cluster, stages_that_run
from tests.support.repositories import call
from tests.support.waiting import wait_until

OFTEN = {"DATAENVGYM_CHECKPOINT_SECONDS": "0"}


@pytest.mark.slow
@needs_machines
def test_two_machines_train_one_student(tmp_path: Path) -> None:
    """In mid-training a machine beside the first dies, and then the user presses Ctrl-C."""
    from safetensors.torch import load_file

    repo, train = half_done(tmp_path / "repo")
    alone = tmp_path / "alone"
    shutil.copytree(repo, alone, symlinks=True)
    (repo / "hardware.yaml").write_text("training: {num_machines: 2}\n", encoding="utf-8")
    output = repo / ".dataenvgym" / "output" / f"{train}.txt"
    said = "machine 2 of 2: "

    def trains() -> bool:
        text = output.read_text(encoding="utf-8") if output.exists() else ""
        return said in text and any(works_on(repo, train).glob("checkpoints/*/complete"))

    with cluster() as (net, ray):
        machines = {name: net.machine(name) for name in ("first", "second")}
        for machine in machines.values():
            ray.join(machine)
        driver = Driver(repo, tmp_path / "first.log", "--address", ray.address, **OFTEN)
        wait_until(trains, "two machines train", driver.process)
        beside = machines[output.read_text(encoding="utf-8").partition(said)[2].split()[0]]
        beside.kill()
        again = "ended by a fault of the machine, tried again"
        wait_until(lambda: again in driver.said(), "it is tried again", driver.process)
        ray.join(beside)

        wait_until(trains, "two machines train again", driver.process)
        os.kill(driver.process.pid, signal.SIGINT)
        assert driver.process.wait(300) == 130, driver.said()
        wait_until(lambda: not any(map(stages_that_run, machines.values())), "its stages end")

        driver = Driver(repo, tmp_path / "second.log", "--address", ray.address, **OFTEN)
        assert driver.process.wait(1000) == 0, driver.said()
        assert not any(map(stages_that_run, machines.values()))
        assert "up to date" in call("dvc", "status", cwd=repo).stdout
    log = (repo / "store" / train / "log" / "run.json").read_text(encoding="utf-8")
    assert '"machines": 2' in log and '"processes": 2' in log

    two = {"DATAENVGYM_PROCESSES": "2", "OMP_NUM_THREADS": "1"}
    call("dvc", "repro", f"store/{train}/dvc.yaml:train", cwd=alone, apart=True, **two)
    student = ("out", "student", "model.safetensors")
    weights = [load_file(Path(one, "store", train, *student)) for one in (repo, alone)]
    for part, numbers in weights[0].items():
        assert (weights[1][part] - numbers).abs().max() < 1e-6
