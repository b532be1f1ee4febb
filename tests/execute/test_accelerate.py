"""What Accelerate is told of how a training is spread; it reads the files itself."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import MissingExtra, StageError, UserError
from dataenvgym_spec.execute import hardware as module
from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.execute.training.accelerate import configure
from dataenvgym_spec.records.files import read_json


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


@pytest.mark.parametrize("distribution", ["fsdp2", "deepspeed-zero3"])
def test_one_process_has_nothing_to_share(distribution: Any, tmp_path: Path) -> None:
    alone = Hardware(processes=1, device_batch=None, distribution=distribution)
    assert str(read_by_accelerate(alone, tmp_path).distributed_type) == "DistributedType.NO"
    assert alone.facts() == {}
    alone.require("bfloat16")


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_is_told_its_stage_and_leaves_the_rest_to_the_trainer(
    stage: int, tmp_path: Path
) -> None:
    from accelerate.utils.deepspeed import HfDeepSpeedConfig

    name: Any = f"deepspeed-zero{stage}"
    spread = Hardware(processes=4, device_batch=8, gpus=4, distribution=name)
    told = read_by_accelerate(spread, tmp_path)
    assert str(told.distributed_type) == "DistributedType.DEEPSPEED"
    assert (told.num_processes, told.use_cpu, told.mixed_precision) == (4, False, None)
    assert told.deepspeed_config["zero3_init_flag"] is False
    read = HfDeepSpeedConfig(told.deepspeed_config["deepspeed_config_file"])
    assert (read.is_zero2(), read.is_zero3()) == (stage == 2, stage == 3)
    assert read.get_value("zero_optimization.stage3_gather_16bit_weights_on_model_save")
    for key in ("train_batch_size", "gradient_accumulation_steps", "gradient_clipping"):
        assert read.get_value(key) == "auto"
    assert not read.get_value("bf16.enabled") and not read.get_value("fp16.enabled")
    assert "optimizer" not in read_json(tmp_path / "deepspeed.json"), "the trainer has its own"


def test_deepspeed_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spread = Hardware(processes=2, device_batch=None, distribution="deepspeed-zero2")
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="deepspeed") as caught:
        spread.require("float32")
    assert caught.value.help == "run: pip install 'dataenvgym-spec[deepspeed]'"
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: "found")
    spread.require("float32")
    with pytest.raises(StageError, match="computes in bfloat16 otherwise"):
        spread.require("bfloat16")


def test_a_distribution_that_is_none_is_told() -> None:
    with pytest.raises(UserError, match="DATAENVGYM_DISTRIBUTION is 'fsdp'") as caught:
        Hardware.of({"DATAENVGYM_DISTRIBUTION": "fsdp", "CUDA_VISIBLE_DEVICES": ""})
    assert caught.value.help == "did you mean 'fsdp2'?"
