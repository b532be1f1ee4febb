"""`doctor` holds the hardware profile against the machine."""

import json
from pathlib import Path

import pytest

from dataenvgym_spec.setup.hardware import check
from dataenvgym_spec.setup.hardware.check import hardware
from dataenvgym_spec.setup.hardware.profile import HardwareProfile, Room
from tests.support.repositories import call

HERE = Room(cpus=4, gpus=2, memory=8 * 2**30)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is smaller than what profiles ask for."""

    def here(profile: HardwareProfile, environ: object) -> Room:
        return HERE

    monkeypatch.setattr(check, "room_here", here)
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(check.importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("text", "detail", "help"),
    [
        ("machine: {cpus: 5}", "machine.cpus is 5, and there are 4 here", "lower machine.cpus"),
        ("machine: {gpus: 3}", "machine.gpus is 3, and there are 2 here", "lower machine.gpus"),
        ("machine: {memory: 9GiB}", "machine.memory is 9.0 GiB, and there is 8.0 GiB here", "lower machine.memory"),
        ("training: {processes: 3}", "training.processes is 3, and there are 2 GPUs here", "lower training.processes"),
        ("generation: {tensor_parallel: 4}", "generation.tensor_parallel is 4, and there are 2 here", "lower"),
        ("training: {num_machines: 2, processes: 8, main_process_ip: first}", "training.processes is 4, and there are 2 GPUs here", "lower training.processes"),
        ("training: {num_machines: 2}", "training.num_machines: where the first machine is met is not said", "add training.main_process_ip"),
        ("evaluation: {shards: 3}", "evaluation.shards is 3, and there are 2 GPUs here", "lower evaluation.shards"),
        ("slurm: {partition: long, gpus: 1}", "slurm: there is no sbatch on the PATH", "login node"),
        ("training: {distribution: deepspeed-zero3}", "training.distribution deepspeed-zero3: deepspeed is not installed", "dataenvgym-spec[deepspeed]"),
        ("ray: {address: auto}", "ray: the package is not installed", "pip install"),
    ],
)  # fmt: skip
def test_what_this_machine_does_not_have_is_told(
    text: str, detail: str, help: str, tmp_path: Path
) -> None:
    (tmp_path / "hardware.yaml").write_text(f"{text}\n", encoding="utf-8")
    told, found = hardware(tmp_path, {})
    assert told.ok and not found.ok and not found.needed
    assert found.detail == detail
    assert help in found.help


@pytest.mark.usefixtures("machine")
def test_models_run_on_other_machines_where_there_are_some(tmp_path: Path) -> None:
    spread = "training: {processes: 8}\ngeneration: {tensor_parallel: 4}\nevaluation: {shards: 9}\n"
    for cluster in ("ray: {}", "slurm: {gpus: 8}"):
        (tmp_path / "hardware.yaml").write_text(f"{spread}{cluster}\n", encoding="utf-8")
        found = [one.detail for one in hardware(tmp_path, {})]
        assert not [detail for detail in found if detail.endswith(" here")]


@pytest.mark.usefixtures("machine")
def test_what_fits_is_told_in_one_line(tmp_path: Path) -> None:
    text = "machine: {cpus: 4, gpus: 2, memory: 8GiB}\ntraining: {processes: 2}\n"
    (tmp_path / "hardware.yaml").write_text(text, encoding="utf-8")
    (told,) = hardware(tmp_path, {})
    assert told.detail == f"4 CPUs, 2 GPUs, 8.0 GiB of memory; {tmp_path / 'hardware.yaml'}"


def test_a_file_that_is_no_profile_is_needed_to_be_mended(repo: Path) -> None:
    (repo / "hardware.yaml").write_text("machine: {cpu: 2}\nray: 3\n", encoding="utf-8")
    said = call("dataenvgym", "doctor", "--json", cwd=repo, ok=False)
    assert said.returncode == 2
    (row,) = [row for row in json.loads(said.stdout)["checks"] if row["name"] == "hardware.yaml"]
    assert row["detail"] == "hardware.yaml:1:11: unknown key 'cpu' in 'machine' (and 1 more)"
    assert row["help"] == "did you mean 'cpus'?"


def test_a_variable_that_names_no_file_is_told(tmp_path: Path) -> None:
    (found,) = hardware(tmp_path, {"DATAENVGYM_HARDWARE": "nowhere.yaml"})
    assert not found.ok and "which is no file" in found.detail
