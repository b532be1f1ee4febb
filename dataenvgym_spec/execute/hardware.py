"""How training is spread over the devices of this machine. It enters no spec and no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.core.room import gpus_here
from dataenvgym_spec.core.variables import DEVICE_BATCH, PROCESSES, count

FOREIGN: Final = (
    *("ACCELERATE_", "FSDP_", "MEGATRON_LM_", "PARALLELISM_CONFIG_", "TORCHELASTIC_"),
    *("OMPI_COMM_", "MPI_", "MV2_COMM_", "PMI_"),
)
"""How variables begin that would tell accelerate to train otherwise than we say."""
PLACE: Final = frozenset(
    {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"}
)
"""Variables of a launcher that this process may itself have been started by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """How training is spread out; the global batch stays what the spec says.

    Attributes:
        processes: `DATAENVGYM_PROCESSES`, or one per GPU, or one.
        device_batch: `DATAENVGYM_DEVICE_BATCH`, the most examples a device takes at once; None for
            its whole share of the batch.
        gpus: that are used.
    """

    processes: int
    device_batch: int | None
    gpus: int = 0

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Hardware:
        """From the environment and the machine.

        Raises:
            UserError: a variable is no whole number of at least 1.
            StageError: there are fewer GPUs than processes.
        """
        gpus = gpus_here(environ)
        processes = count(environ, PROCESSES) or max(1, gpus)
        if gpus and processes > gpus:
            message = f"{processes} processes cannot train on {gpus} GPU{'s' if gpus > 1 else ''}"
            help = f"set {PROCESSES}, or training.processes in hardware.yaml, to {gpus} or less"
            raise StageError(message, help=help)
        return cls(
            processes=processes,
            device_batch=count(environ, DEVICE_BATCH),
            gpus=min(gpus, processes),
        )

    def spread(self, batch_size: int) -> tuple[int, int]:
        """The most examples that a device takes at once, and its batches in a step.

        Together the devices have room for a global batch; the last of them may have less to do.

        >>> Hardware(processes=2, device_batch=8).spread(64)
        (8, 4)
        >>> Hardware(processes=3, device_batch=None).spread(64)
        (22, 1)
        """
        share = -(-batch_size // self.processes)
        accumulation = -(-share // min(self.device_batch or share, share))
        return -(-share // accumulation), accumulation

    def accelerate(self) -> dict[str, Any]:
        """What `accelerate launch` is told, in a file, so that it does not read the user's own.

        Accelerate starts several processes on one machine for GPUs only (for processors it wants
        MPI); what they train on is said by `environment`.
        """
        return {
            "compute_environment": "LOCAL_MACHINE",
            "distributed_type": "MULTI_GPU" if self.processes > 1 else "NO",
            "use_cpu": not self.gpus,
            "num_machines": 1,
            "num_processes": self.processes,
            # A free one, so that two trainings can run side by side.
            "main_process_port": 0,
            # The trainer sets the precision itself.
            "mixed_precision": "no",
        }

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of the trainer, without what would spread it in another way."""
        kept = {}
        for name, value in environ.items():
            if not name.startswith(FOREIGN) and name not in PLACE:
                kept[name] = value
        if not self.gpus:
            kept["ACCELERATE_USE_CPU"] = "true"
        return kept
