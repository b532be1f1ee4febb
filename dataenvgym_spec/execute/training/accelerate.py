"""The configuration of `accelerate launch`, so that it does not read the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from dataenvgym_spec.execute.hardware import Hardware
from dataenvgym_spec.records.files import write_json

FSDP: Final = {
    "fsdp_version": 2,
    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "fsdp_reshard_after_forward": True,
    "fsdp_offload_params": False,
    "fsdp_state_dict_type": "SHARDED_STATE_DICT",
    # Each process reads the student as it would alone: what is drawn for a new adapter is the same.
    "fsdp_cpu_ram_efficient_loading": False,
    # Which activations are computed again is the trainer's business.
    "fsdp_activation_checkpointing": False,
}
AUTO: Final = "auto"
"""What transformers' Trainer replaces by batch, accumulation and clipping of the spec."""


def configure(hardware: Hardware, folder: Path, *, rank: int = 0) -> Path:
    """Writes what `accelerate launch` is told; returns the file.

    Args:
        hardware: how the training is spread.
        folder: where the files are written.
        rank: of this machine among those that train together.
    """
    path = folder / "accelerate.json"
    told = configuration(hardware, rank)
    if told["distributed_type"] == "DEEPSPEED":
        told["deepspeed_config"] = {
            "deepspeed_config_file": str(folder / "deepspeed.json"),
            "zero3_init_flag": False,
            # Of several machines each starts its own processes, as without DeepSpeed.
            "deepspeed_multinode_launcher": "standard",
        }
        # Accelerate takes this from DeepSpeed's own configuration, and refuses it in both.
        del told["mixed_precision"]
        write_json(folder / "deepspeed.json", deepspeed(hardware))
    write_json(path, told)
    return path


def configuration(hardware: Hardware, rank: int = 0) -> dict[str, Any]:
    """The configuration.

    Accelerate starts several processes on one machine for GPUs only (for processors it wants MPI);
    what they train on is said by `Hardware.environment`.
    """
    told: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": "MULTI_GPU" if hardware.processes > 1 else "NO",
        "use_cpu": not hardware.gpus,
        "num_machines": hardware.machines,
        "num_processes": hardware.processes,
        # A free one, so that two trainings can run side by side.
        "main_process_port": 0,
        # The trainer sets the precision itself.
        "mixed_precision": "no",
    }
    if hardware.machines > 1:
        told |= {
            "machine_rank": rank,
            "main_process_ip": hardware.address,
            "main_process_port": hardware.port,
            "rdzv_backend": "static",
        }
    if hardware.is_sharded:
        told["distributed_type"] = "FSDP" if hardware.distribution == "fsdp2" else "DEEPSPEED"
        if hardware.distribution == "fsdp2":
            told["fsdp_config"] = dict(FSDP)
    return told


def deepspeed(hardware: Hardware) -> dict[str, Any]:
    """DeepSpeed's configuration: which of its stages, in float32; the rest is the trainer's."""
    return {
        "zero_optimization": {
            "stage": int(hardware.distribution[-1]),
            # Also of weights in float32: they are gathered for the student's file.
            "stage3_gather_16bit_weights_on_model_save": True,
        },
        "bf16": {"enabled": False},
        "fp16": {"enabled": False},
        "zero_allow_untested_optimizer": True,
        "train_batch_size": AUTO,
        "train_micro_batch_size_per_gpu": AUTO,
        "gradient_accumulation_steps": AUTO,
        "gradient_clipping": AUTO,
    }
