"""How training is spread over the devices of this machine. It enters no spec and no key."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from dataenvgym_spec.core.addresses import parted
from dataenvgym_spec.core.errors import MissingExtra, StageError, UserError, suggest
from dataenvgym_spec.core.room import gpus_here
from dataenvgym_spec.core.variables import (
    DEVICE_BATCH,
    DISTRIBUTION,
    MACHINES,
    MAIN_ADDRESS,
    PROCESSES,
    RECOMPUTE,
    count,
    switch,
)
from dataenvgym_spec.gym.students.trainers.protocol import Distribution

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
        distribution: `DATAENVGYM_DISTRIBUTION`, how weights are spread over processes.
        recompute: `DATAENVGYM_RECOMPUTE`, whether activations are computed again on the way back.
        machines: `DATAENVGYM_MACHINES`, that train together; processes and GPUs are those of all.
        address: `DATAENVGYM_MAIN_ADDRESS`, of the first of them; None where nobody has said it.
        port: where it is met; 0 for a free one.
    """

    processes: int
    device_batch: int | None
    gpus: int = 0
    distribution: Distribution = "ddp"
    recompute: bool = False
    machines: int = 1
    address: str | None = None
    port: int = 0

    @classmethod
    def of(cls, environ: Mapping[str, str], elsewhere: int | None = None) -> Hardware:
        """From the environment and the machine.

        Args:
            environ: the environment.
            elsewhere: the GPUs of another machine, where such ones train. Whether those are enough
                each of them says itself; None for this machine.

        Raises:
            UserError: a variable has a value that cannot be.
            StageError: there are fewer GPUs here than processes.
        """
        machines = count(environ, MACHINES) or 1
        address, port = _address(environ, machines)
        gpus = machines * (gpus_here(environ) if elsewhere is None else elsewhere)
        processes = count(environ, PROCESSES) or max(machines, gpus)
        if elsewhere is None and gpus and processes > gpus:
            message = f"{processes} processes cannot train on {gpus} GPU{'s' if gpus > 1 else ''}"
            help = f"set {PROCESSES}, or training.processes in hardware.yaml, to {gpus} or less"
            raise StageError(message, help=help)
        if processes % machines:
            message = f"{processes} processes cannot be shared evenly by {machines} machines"
            help = f"set {PROCESSES}, or training.processes, to a multiple of {machines}"
            raise StageError(message, help=help)
        return cls(
            processes=processes,
            device_batch=count(environ, DEVICE_BATCH),
            gpus=min(gpus, processes),
            distribution=_distribution(environ),
            recompute=switch(environ, RECOMPUTE),
            machines=machines,
            address=address,
            port=port,
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

    @property
    def is_sharded(self) -> bool:
        """Whether weights are spread: one process has them whole."""
        return self.processes > 1 and self.distribution != "ddp"

    @property
    def by_deepspeed(self) -> bool:
        """Whether DeepSpeed spreads them."""
        return self.is_sharded and self.distribution.startswith("deepspeed")

    def require(self, dtype: str) -> None:
        """Looks whether a training can be spread so here.

        Args:
            dtype: of its arithmetic.

        Raises:
            MissingExtra: a package that does it is not installed.
            StageError: the student would be another one.
            UserError: nobody has said where the first of several machines is.
        """
        if self.machines > 1 and self.address is None:
            message = f"{self.machines} machines cannot train together: where is the first one?"
            help = f"set training.main_process_ip in hardware.yaml, or {MAIN_ADDRESS}=HOST:PORT"
            raise UserError(message, help=help)
        if not self.by_deepspeed:
            return
        if importlib.util.find_spec("deepspeed") is None:
            raise MissingExtra(
                "deepspeed", "deepspeed", f"training.distribution {self.distribution}"
            )
        if dtype != "float32":
            # DeepSpeed keeps weights in it; a spec's precision means autocast over float32.
            message = f"{self.distribution} computes in {dtype} otherwise than a spec means it"
            raise StageError(message, help="set training.distribution in hardware.yaml to fsdp2")

    def facts(self) -> dict[str, Any]:
        """What the log of a training says besides how many processes there were."""
        facts: dict[str, Any] = {}
        if self.is_sharded:
            facts["distribution"] = self.distribution
        if self.machines > 1:
            facts["machines"] = self.machines
        if self.recompute:
            facts["recompute"] = True
        return facts

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The environment of the trainer, without what would spread it in another way."""
        kept = {}
        for name, value in environ.items():
            if not name.startswith(FOREIGN) and name not in PLACE:
                kept[name] = value
        if not self.gpus:
            kept["ACCELERATE_USE_CPU"] = "true"
            if self.by_deepspeed:
                kept["DS_ACCELERATOR"] = "cpu"
        return kept


def _distribution(environ: Mapping[str, str]) -> Distribution:
    """How weights are spread.

    Raises:
        UserError: the variable says no way that there is.
    """
    text = environ.get(DISTRIBUTION, "").strip() or "ddp"
    for known in get_args(Distribution):
        if text == known:
            way: Distribution = known
            return way
    raise UserError(f"{DISTRIBUTION} is '{text}'", help=suggest(text, get_args(Distribution)))


def _address(environ: Mapping[str, str], machines: int) -> tuple[str | None, int]:
    """Where the first of several machines is, and the port there if one is named.

    An engine that starts them says it when it has chosen them; None until then.
    """
    try:
        host, port = parted(environ.get(MAIN_ADDRESS, "").strip())
    except ValueError:
        return None, 0
    return (host, port or 0) if machines > 1 and host else (None, 0)
