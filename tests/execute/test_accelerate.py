"""What Accelerate is told of how a training is spread; it reads the files itself."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.accelerate import configure


def read_by_accelerate(hardware: Hardware, folder: Path) -> Any:
    """The configuration as `accelerate launch` reads it."""
    from accelerate.commands.config.config_args import load_config_from_file

    return load_config_from_file(str(configure(hardware, folder)))


def test_shards_are_those_of_the_second_fsdp(tmp_path: Path) -> None:
    spread = Hardware(processes=2, device_batch=None, distribution="fsdp2")
    told = read_by_accelerate(spread, tmp_path)
    assert (str(told.distributed_type), told.num_processes, told.use_cpu) == (
        *("DistributedType.FSDP", 2),
        True,
    )
    assert told.fsdp_config["fsdp_version"] == 2
    assert told.fsdp_config["fsdp_state_dict_type"] == "SHARDED_STATE_DICT"


def test_one_process_has_nothing_to_share(tmp_path: Path) -> None:
    alone = Hardware(processes=1, device_batch=None, distribution="fsdp2")
    assert str(read_by_accelerate(alone, tmp_path).distributed_type) == "DistributedType.NO"
    assert alone.facts() == {}
    alone.require()


def test_a_way_to_spread_a_student_without_a_bound_is_refused() -> None:
    """DeepSpeed was never run here: what it makes of a spec may be another student."""
    with pytest.raises(UserError, match="'deepspeed-zero3': how far its weights") as caught:
        Hardware.of({"DATAENVGYM_DISTRIBUTION": "deepspeed-zero3", "CUDA_VISIBLE_DEVICES": ""})
    assert caught.value.help is not None and caught.value.help.startswith("set it to fsdp2")


def test_a_distribution_that_is_none_is_told() -> None:
    with pytest.raises(UserError, match="DATAENVGYM_DISTRIBUTION is 'fsdp'") as caught:
        Hardware.of({"DATAENVGYM_DISTRIBUTION": "fsdp", "CUDA_VISIBLE_DEVICES": ""})
    assert caught.value.help == "did you mean 'fsdp2'?"
