"""GPUs, memory and processors that Slurm's real daemons give a job, of those that a node has. The GPUs are files."""

from __future__ import annotations

import re
from math import ceil
from pathlib import Path

import pytest

from dataenvgym_spec.cli.engines import OnSlurm
from dataenvgym_spec.cli.jobs import spread_on
from dataenvgym_spec.schedule.models import Models
from dataenvgym_spec.schedule.needs import needs
from dataenvgym_spec.schedule.slurm.commands import Job, submit
from dataenvgym_spec.setup.hardware.profile import LightJobs, SlurmCluster
from dataenvgym_spec.store.layout import Layout
from tests.support.graphs import compiled
from tests.support.slurm import GPU, needs_slurm, slurm, states
from tests.support.specs import SMALL
from tests.support.waiting import wait_until

CLUSTER = SlurmCluster(
    partition="other",
    gpus=2,
    gpu_type=GPU,
    memory=1500 * 2**20,
    options={"nice": 7},
    light=LightJobs(partition="main", memory=2**20, options={}),
)
MINE = "scontrol --details --oneliner show job $SLURM_JOB_ID"


@pytest.mark.slow
@needs_slurm
def test_a_training_gets_its_gpus_an_evaluation_one_and_others_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = compiled(tmp_path, SMALL)

    def given(kind: str, **environ: str) -> dict[str, str]:
        """What Slurm says of a running job of such a stage that it has been given."""
        spread = spread_on(OnSlurm(Layout(root=tmp_path), CLUSTER, environ), environ)
        stage = next(stage for stage in graph.stages if stage.kind == kind)
        wanted = needs(stage, spread, Models(graph.by_id()))
        output = tmp_path / f"{kind}.txt"
        job = Job(name=kind, command=["sh", "-c", MINE], output=str(output), needs=wanted)
        number = submit(job, CLUSTER)
        wait_until(lambda: states([number])[number] == "COMPLETED", f"{kind} is done")
        row = dict(re.findall(r"(\w+)=(\S*)", output.read_text(encoding="utf-8")))
        estimate = ceil(wanted.memory / 2**20)
        assert int(row["Mem"]) == (estimate if wanted.light else max(1500, estimate))
        return row

    with slurm(gpus=2) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        train, evaluate, data = map(given, ("train", "evaluate", "data"))
        alone = given("train", DATAENVGYM_PROCESSES="1")
    for one, count in ((train, 2), (alone, 1), (evaluate, 1)):
        assert one["GRES"].startswith(f"gpu:{GPU}:{count}(") and one["NumCPUs"] == str(count)
    assert alone["Mem"] == "1500", "its model takes less"
    assert (train["Partition"], train["Nice"]) == ("other", "7")
    assert not data["GRES"]
    assert (data["Partition"], data["Nice"]) == ("main", "0")
