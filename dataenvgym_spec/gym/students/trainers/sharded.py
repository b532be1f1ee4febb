"""A student whose weights are spread over the processes that train it: FSDP2, or DeepSpeed's ZeRO.

Accelerate spreads them, by the configuration that it is launched with. Here is what it would do
otherwise than one process does, and what only holds where each process has the whole student.
"""

from __future__ import annotations

import os
import types
from typing import Any, Final

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType
from accelerate.utils.operations import convert_outputs_to_fp32

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.gym.students.adapters.protocol import ReadsBase
from dataenvgym_spec.gym.students.trainers.protocol import Job

FSDP2: Final = "fsdp2"


def require(job: Job) -> None:
    """Looks whether a student can be spread, before it is loaded.

    Raises:
        StageError: the student's adapter cannot be spread.
    """
    if job.distribution != "ddp" and isinstance(job.adapter, ReadsBase):
        message = f"a quantized base cannot be spread over processes by {job.distribution}"
        raise StageError(message, help="set training.distribution in hardware.yaml to ddp")


def prepare(job: Job) -> None:
    """Has Accelerate spread weights without a GPU, too; just before its accelerator is made.

    It reads its configuration of FSDP for accelerators alone (accelerate/state.py), although all
    that it does then works on processors.
    """
    state = PartialState()
    if job.distribution == "ddp" or state.distributed_type != DistributedType.MULTI_CPU:
        return
    # What it makes of this is `FSDP`, on the device that the state has already.
    kind = DistributedType.MULTI_GPU
    if job.distribution != FSDP2:
        from deepspeed import comm

        comm.init_distributed(dist_backend=state.backend, auto_mpi_discovery=False)
        os.environ["ACCELERATE_USE_CPU"] = "false"
        kind = DistributedType.DEEPSPEED
    state.distributed_type = kind
    PartialState._shared_state["distributed_type"] = kind


def keep_precision(loop: Any, job: Job) -> None:
    """Has a loop compute as one with whole students does, once its accelerator is there.

    Raises:
        RuntimeError: Accelerate does not spread weights, as it was told to.

    FSDP2 of Accelerate casts weights, gradients and norms to the precision of the arithmetic. A
    spec's `dtype` means autocast over float32 weights.
    """
    if job.distribution == "ddp":
        return
    if not (loop.is_fsdp_enabled or loop.is_deepspeed_enabled):
        raise RuntimeError(f"accelerate was to spread weights by {job.distribution}, and does not")
    if job.distribution != FSDP2:
        return
    loop.accelerator.state.fsdp_plugin.mixed_precision_policy = None


def autocast(model: Any, job: Job) -> None:
    """Has a model compute in the precision of a spec, as Accelerate does for a whole student."""
    if job.distribution != FSDP2 or job.settings.dtype == "float32":
        return
    device = "cuda" if torch.cuda.is_available() else "cpu"
    context = torch.autocast(device_type=device, dtype=getattr(torch, job.settings.dtype))
    inner = context(type(model).forward)
    model.forward = types.MethodType(convert_outputs_to_fp32(inner), model)


def local(part: torch.Tensor) -> torch.Tensor:
    """What this process has of a weight: all of it, or its shard."""
    if hasattr(part, "ds_tensor"):  # of DeepSpeed; the weight itself is empty
        part = part.ds_tensor
    mine: torch.Tensor = part.to_local() if hasattr(part, "to_local") else part
    return mine


def whole(loop: Any, job: Job) -> dict[str, Any] | None:
    """All weights of a student that is spread, for the process that writes it.

    Every process has to ask, and the others are given none. None where each has the whole student.
    """
    if job.distribution == "ddp":
        return None
    # DeepSpeed gathers them for the first process alone.
    weights: dict[str, Any] = loop.accelerator.get_state_dict(loop.model_wrapped) or {}
    # What two layers share is gathered for each of them, and stored for the first, as ever.
    model = loop.accelerator.unwrap_model(loop.model)
    for name in getattr(model, "all_tied_weights_keys", None) or ():
        weights.pop(name, None)
    return weights
