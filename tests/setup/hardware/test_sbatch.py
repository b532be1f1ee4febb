"""What `slurm` of a profile means to `sbatch`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT

import pytest

from dataenvgym_spec.setup.hardware.profile import LightJobs, SlurmCluster
from dataenvgym_spec.setup.hardware.sbatch import OWN, SAID, beyond, requested, too_short

BUSY = SlurmCluster(partition="p", account="a", time=5, gpus=1, options={"qos": "high"})


@pytest.mark.skipif(shutil.which("sbatch") is None, reason="Slurm is not installed")
def test_options_of_ours_are_options_of_sbatch(tmp_path: Path) -> None:
    """A name that it does not have would refuse nothing."""
    (tmp_path / "slurm.conf").write_text("ClusterName=x\nSlurmctldHost=localhost\n", "utf-8")
    environ = {**os.environ, "SLURM_CONF": str(tmp_path / "slurm.conf")}

    def said(option: str) -> str:
        command = ["sbatch", option]
        ran = subprocess.run(
            command, env=environ, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, check=False
        )
        return ran.stdout

    assert "unrecognized option" in said("--neverheard")
    known = {*re.findall(r"--([a-z][a-z-]+)", said("--help"))}
    # Its help does not name all that it has.
    for option in {*SAID, *OWN} - known:
        assert "unrecognized option" not in said(f"--{option}"), option
    ours = {one.lstrip("-").partition("=")[0] for one in requested(BUSY, memory=1, machines=2)}
    assert ours <= {*SAID, *OWN, "qos"}


def test_what_takes_more_gpus_than_a_node_has() -> None:
    def keys(gpus: int | None) -> dict[str, int]:
        return dict(beyond(SlurmCluster(gpus=gpus), processes=8, split=2))

    assert keys(1) == {"training.processes": 8, "generation.tensor_parallel": 2}
    assert keys(2) == {"training.processes": 8}
    assert keys(0) == {"generation.tensor_parallel": 2}, "processes train without GPUs"
    assert keys(None) == keys(8) == {}


def test_a_limit_below_the_notice_leaves_no_time() -> None:
    cluster = SlurmCluster(time="0-00:02", light=LightJobs(time=1))
    assert dict(too_short(cluster)) == {"slurm.time": "0-00:02", "slurm.light.time": 1}
    assert not dict(too_short(SlurmCluster(time="2:01")))
