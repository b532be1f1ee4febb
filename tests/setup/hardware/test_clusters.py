"""What `doctor` asks of clusters: Slurm's real daemons, and a port where Ray's head would be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dataenvgym_spec.setup.hardware.clusters import clusters
from dataenvgym_spec.setup.hardware.reading import parsed_profile
from tests.support.slurm import needs_slurm, slurm

TWO = "main with 2 CPUs, 64000 MiB, gpu:fake:2, infinite"
ACCOUNTS = """\
#!/bin/sh
# As sacctmgr's documentation has it: a row for each association.
test "$1 $2 $3 $4" = "--noheader --parsable2 show associations" || exit 64
printf 'lab\\nlab\\nteaching\\n'
"""


def found(folder: Path, text: str, **environ: str) -> dict[str, str]:
    """What is not so of a profile, and what to do."""
    path = folder / "hardware.yaml"
    path.write_text(f"{text}\n", encoding="utf-8")
    findings = list(clusters(parsed_profile(path, "hardware.yaml"), environ))
    assert not any(one.ok or one.needed for one in findings)
    return {one.detail: one.help for one in findings}


@needs_slurm
def test_slurm_is_asked_whether_it_would_take_the_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with slurm(gpus=2) as variables:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

        fits = "gpus: 2, gpu_type: fake, memory: 3GiB, time: 30, light: {partition: short}"
        assert found(tmp_path, f"slurm: {{{fits}}}\ntraining: {{processes: 2}}") == {}
        assert found(tmp_path, "slurm: {}") == {
            "slurm.gpus is not said, so no job asks for a GPU, and nodes have up to 2": "add slurm.gpus: 2   (or 0 to train without)"
        }
        refused = "slurm: sbatch refuses a job in which a model runs: "
        for text, detail, help in (
            ("partition: nowhere", "invalid partition specified: nowhere", "the partitions are main, other, short"),
            ("gpu_type: a100", "Requested node configuration is not available", f"there is {TWO}"),
            ("memory: 64GiB", "Requested node configuration is not available", f"there is {TWO}"),
            ("options: {constraint: nvlink}", "Invalid feature specification", f"there is {TWO}"),
            ("options: {colour: red}", "unrecognized option '--colour=red'", f"there is {TWO}"),
        ):  # fmt: skip
            assert found(tmp_path, f"slurm: {{gpus: 2, {text}}}") == {refused + detail: help}
        # A training that takes fewer GPUs than there could be is asked for as it is.
        few = "slurm: {gpus: 8}\ntraining: {processes: 4, num_machines: 2}"
        assert [*found(tmp_path, few)] == [
            f"{refused}Requested node configuration is not available"
        ]
        light = "slurm: {gpus: 1, light: {partition: nowhere}}"
        assert [*found(tmp_path, light)] == [
            "slurm: sbatch refuses a job without a model: invalid partition specified: nowhere"
        ]
        long = found(tmp_path, "slurm: {gpus: 1, time: 60, light: {partition: short}}")
        assert long == {
            "slurm.light.time is 60, and the partition gives 30:00 at most": "lower slurm.light.time, or choose another partition"
        }

        # There is no pyxis here. Slurm keeps no books, so of accounts nothing can be said.
        image = "container_image: /no/such.sqsh, account: labb"
        assert found(tmp_path, f"slurm: {{gpus: 1, {image}}}").keys() == {
            "slurm.container_image: '/no/such.sqsh' is not there",
            "slurm.container_runtime: srun has no --container-image, so there is no pyxis",
        }
        (tmp_path / "sacctmgr").write_text(ACCOUNTS, encoding="utf-8")
        (tmp_path / "sacctmgr").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{variables['PATH']}")
        assert found(tmp_path, "slurm: {gpus: 1, account: labb, light: {account: Lab}}") == {
            "slurm.account 'labb' is no account of yours": "yours are lab, teaching"
        }
    silent = found(tmp_path, "slurm: {gpus: 1}")
    assert next(iter(silent)).startswith("slurm: sinfo does not answer: ")


def test_what_a_file_says_is_looked_at_without_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    nothing = {
        "slurm: there is no sbatch on the PATH": "run where Slurm's commands are, such as the cluster's login node"
    }
    assert found(tmp_path, "slurm: {gpus: 0, time: 3}\ntraining: {processes: 8}") == nothing
    text = (
        "slurm: {gpus: 4, time: 2, container_image: 'docker://lab/it', container_runtime: apptainer}\n"
        "training: {processes: 16, num_machines: 2}\ngeneration: {tensor_parallel: 8}\n"
    )
    assert found(tmp_path, text) == {
        "training.processes takes 8 GPUs of a node, and slurm.gpus is 4": "lower training.processes, or raise slurm.gpus if nodes have as many",
        "generation.tensor_parallel takes 8 GPUs of a node, and slurm.gpus is 4": "lower generation.tensor_parallel, or raise slurm.gpus if nodes have as many",
        "slurm.time is 2: a job ends 120 seconds before its limit": "raise slurm.time to what a stage takes, or more",
        "slurm.container_runtime: there is no apptainer on this machine": "install or load it, here to check and on the nodes to run",
        **nothing,
    }


def test_rays_head_is_tried(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as head:
        there = f"127.0.0.1:{head.getsockname()[1]}"
        assert found(tmp_path, f"ray: {{address: '{there}'}}") == {}
        assert found(tmp_path, f"ray: {{address: 'ray://{there}'}}") == {}
    ((detail, help),) = found(tmp_path, f"ray: {{address: '{there}'}}").items()
    assert detail.startswith(f"ray.address: nobody answers at {there}: ")
    assert f"ray start --head --port={there.rpartition(':')[2]}" in help
    # The variable wins over the file, and what Ray looks for by itself cannot be tried.
    ((detail, _),) = found(tmp_path, "ray: {address: auto}", RAY_ADDRESS=there).items()
    assert detail.startswith(f"RAY_ADDRESS: nobody answers at {there}: ")
    assert found(tmp_path, "ray: {address: auto}") == found(tmp_path, "ray: {}") == {}
