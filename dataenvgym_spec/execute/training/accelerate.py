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


def configure(hardware: Hardware, folder: Path, *, rank: int = 0) -> Path:
    """Writes what `accelerate launch` is told; returns the file.

    Args:
        hardware: how the training is spread.
        folder: where the file is written.
        rank: of this machine among those that train together.
    """
    path = folder / "accelerate.json"
    write_json(path, configuration(hardware, rank))
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
        told |= {"distributed_type": "FSDP", "fsdp_config": dict(FSDP)}
    return told
