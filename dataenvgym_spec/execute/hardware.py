"""How training is spread over the devices of this machine. It enters no spec and no key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataenvgym_spec.core.errors import StageError


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
        """From the environment and the machine."""
        gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
        processes = int(environ.get("DATAENVGYM_PROCESSES", max(1, gpus)))
        text = environ.get("DATAENVGYM_DEVICE_BATCH")
        device_batch = int(text) if text else None
        return cls(processes=processes, device_batch=device_batch, gpus=min(gpus, processes))

    def spread(self, batch_size: int) -> tuple[int, int]:
        """Per-device batch and accumulation steps that make up a global batch.

        >>> Hardware(processes=2, device_batch=8).spread(64)
        (8, 4)

        Raises:
            StageError: the global batch cannot be divided so.
        """
        if batch_size % self.processes:
            raise StageError(
                f"a global batch of {batch_size} does not divide among {self.processes} processes",
                help="set DATAENVGYM_PROCESSES to a divisor",
            )
        share = batch_size // self.processes
        per_device = min(self.device_batch or share, share)
        while share % per_device:
            per_device -= 1
        return per_device, share // per_device

    def launch_options(self) -> list[str]:
        """The options of `accelerate launch` that say where to train."""
        if self.gpus > 1:
            return ["--multi_gpu"]
        if self.gpus:
            return []
        return ["--cpu", "--multi_cpu"] if self.processes > 1 else ["--cpu"]
