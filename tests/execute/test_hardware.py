"""How training is spread over devices."""

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.hardware import Hardware


def test_the_global_batch_is_kept_however_it_is_spread() -> None:
    assert Hardware(processes=1, device_batch=None).spread(64) == (64, 1)
    assert Hardware(processes=4, device_batch=6).spread(64) == (4, 4)
    for processes in (1, 2, 4):
        for device_batch in (1, 3, 16, None):
            per_device, accumulation = Hardware(
                processes=processes, device_batch=device_batch
            ).spread(64)
            assert per_device * accumulation * processes == 64
    with pytest.raises(StageError, match="does not divide"):
        Hardware(processes=3, device_batch=None).spread(64)


def test_a_machine_without_a_gpu_trains_on_its_processor() -> None:
    assert Hardware(processes=1, device_batch=None).launch_options() == ["--cpu"]
    assert Hardware(processes=2, device_batch=None).launch_options() == ["--cpu", "--multi_cpu"]
    assert Hardware(processes=1, device_batch=None, gpus=1).launch_options() == []
    assert Hardware(processes=4, device_batch=None, gpus=4).launch_options() == ["--multi_gpu"]


def test_the_environment_says_how_to_spread() -> None:
    hardware = Hardware.of({"DATAENVGYM_PROCESSES": "3", "DATAENVGYM_DEVICE_BATCH": "5"})
    assert (hardware.processes, hardware.device_batch) == (3, 5)
