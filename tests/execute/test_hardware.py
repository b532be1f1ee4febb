"""How training is spread over devices."""

import pytest

from dataenvgym_spec.core.errors import StageError, UserError
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.accelerate import configuration


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("device_batch", [1, 3, 16, None])
def test_the_devices_have_room_for_a_global_batch(processes: int, device_batch: int | None) -> None:
    hardware = Hardware(processes=processes, device_batch=device_batch)
    per_device, accumulation = hardware.spread(64)
    assert per_device <= (device_batch or 64)
    assert (accumulation - 1) * per_device * processes < 64 <= accumulation * per_device * processes


def test_no_more_batches_than_needed() -> None:
    assert Hardware(processes=1, device_batch=None).spread(64) == (64, 1)
    assert Hardware(processes=4, device_batch=6).spread(64) == (6, 3)
    assert Hardware(processes=2, device_batch=7).spread(64) == (7, 5)


def test_accelerate_is_told_all_in_a_file_of_ours() -> None:
    alone = configuration(Hardware(processes=1, device_batch=None))
    assert (alone["distributed_type"], alone["use_cpu"]) == ("NO", True)
    several = configuration(Hardware(processes=2, device_batch=None))
    assert (several["distributed_type"], several["use_cpu"]) == ("MULTI_GPU", True)
    gpus = configuration(Hardware(processes=4, device_batch=None, gpus=4))
    assert (gpus["distributed_type"], gpus["use_cpu"], gpus["num_processes"]) == (
        *("MULTI_GPU", False),
        4,
    )


def test_what_would_spread_it_in_another_way_is_dropped() -> None:
    given = {"ACCELERATE_USE_FSDP": "true", "WORLD_SIZE": "4", "PMI_SIZE": "2", "HOME": "/home"}
    hardware = Hardware(processes=1, device_batch=None, gpus=1)
    assert hardware.environment(given) == {"HOME": "/home"}
    alone = Hardware(processes=1, device_batch=None)
    assert alone.environment(given) == {"HOME": "/home", "ACCELERATE_USE_CPU": "true"}


def test_the_environment_says_how_to_spread() -> None:
    hardware = Hardware.of(
        {
            "DATAENVGYM_PROCESSES": "3",
            "DATAENVGYM_DEVICE_BATCH": "5",
            "CUDA_VISIBLE_DEVICES": "",
        }
    )
    assert (hardware.processes, hardware.device_batch, hardware.gpus) == (3, 5, 0)


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
@pytest.mark.parametrize("name", ["DATAENVGYM_PROCESSES", "DATAENVGYM_DEVICE_BATCH"])
def test_what_is_no_count_is_said(name: str, text: str) -> None:
    with pytest.raises(UserError, match=f"{name} is '{text}'") as caught:
        Hardware.of({name: text, "CUDA_VISIBLE_DEVICES": ""})
    assert "unset" in (caught.value.help or "")


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataenvgym_spec.execute.hardware.gpus_here", lambda _environ: 1)
    with pytest.raises(StageError, match="2 processes cannot train on 1 GPU"):
        Hardware.of({"DATAENVGYM_PROCESSES": "2"})
