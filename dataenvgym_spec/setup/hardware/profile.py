"""What a hardware profile says: `hardware.yaml`, or a file for all repositories of a user.

It says how a machine and a cluster are used; it enters no spec and no key. What stages read of it
are variables of the environment, and those that are set win over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from dataenvgym_spec.core.addresses import joined
from dataenvgym_spec.core.room import cpus_here, gpus_here, memory_here
from dataenvgym_spec.core.variables import (
    DEVICE_BATCH,
    DISTRIBUTION,
    MACHINES,
    MAIN_ADDRESS,
    PROCESSES,
    RECOMPUTE,
    VLLM_GPUS,
    VLLM_MEMORY,
)
from dataenvgym_spec.gym.students.trainers.protocol import Distribution
from dataenvgym_spec.records.record import Record

ContainerRuntime = Literal["pyxis", "apptainer"]
"""What starts containers on nodes."""


class Room(Record, frozen=True, kw_only=True):
    """What stages that run side by side may use of a machine; None for all that it has.

    Attributes:
        memory: main memory, in bytes.
    """

    cpus: int | None = None
    gpus: int | None = None
    memory: int | None = None


class TrainingSpread(Record, frozen=True, kw_only=True):
    """How a training is spread.

    Attributes:
        processes: how many train together.
        device_batch: the most examples that a device takes at once.
        distribution: how a student is spread over them.
        num_machines: over which they are spread.
        main_process_ip: of the machine that runs the experiment; an engine that starts the others
            by itself chooses it.
        main_process_port: where the others reach it; None for a free one.
        recompute_activations: whether activations are computed again, to save memory.
    """

    processes: int | None = None
    device_batch: int | None = None
    distribution: Distribution | None = None
    num_machines: int | None = None
    main_process_ip: str | None = None
    main_process_port: int | None = None
    recompute_activations: bool | None = None

    @property
    def main_address(self) -> str | None:
        """Where the first of several machines is: `host`, `host:port`, or `:port` of any host."""
        return joined(self.main_process_ip or "", self.main_process_port) or None


class GenerationSpread(Record, frozen=True, kw_only=True):
    """How vLLM uses GPUs, and how teachers that run in a stage are shared by processes.

    Attributes:
        tensor_parallel: GPUs over which each layer is split.
        gpu_memory: the share of each GPU's memory, in (0, 1].
        shards: the most processes that share a stage; None for none.
        min_batches: the fewest batches of one of them.
    """

    tensor_parallel: int | None = None
    gpu_memory: float | None = None
    shards: int | None = None
    min_batches: int = 4


class EvaluationSpread(Record, frozen=True, kw_only=True):
    """How evaluations are shared by processes, each with a model of its own.

    Attributes:
        shards: the most that share one; None for none.
        min_batches: the fewest batches of one of them: an evaluation of fewer stays whole.
    """

    shards: int | None = None
    min_batches: int = 4


class RayCluster(Record, frozen=True, kw_only=True):
    """A Ray cluster.

    Attributes:
        address: of its head; None for one that is started on this machine.
    """

    address: str | None = None


Option = str | int | float | bool
"""A value of an option of `sbatch`; True for one that takes none."""


class LightJobs(Record, frozen=True, kw_only=True):
    """What holds in place of `SlurmCluster` for jobs in which no model runs; None for the same."""

    partition: str | None = None
    account: str | None = None
    time: str | int | None = None
    cpus: int | None = None
    memory: int | None = None
    options: dict[str, Option] | None = None


class SlurmCluster(Record, frozen=True, kw_only=True):
    """How Slurm is asked for nodes, in `sbatch`'s words.

    Attributes:
        time: the limit of a job: minutes, or `4:00:00`.
        gpus: of a node that a job can have at most; None where nobody has said it.
        gpu_type: what Slurm calls them; None for any.
        cpus: the fewest of a job.
        memory: the least of a job, in bytes.
        options: of `sbatch`, by their long names.
        light: what holds otherwise for jobs in which no model runs.
        container_image: that jobs run in.
        container_runtime: what starts it.
        container_mounts: folders of nodes that jobs see in it besides the repository.
    """

    partition: str | None = None
    account: str | None = None
    time: str | int | None = None
    gpus: int | None = None
    gpu_type: str | None = None
    cpus: int | None = None
    memory: int | None = None
    options: dict[str, Option] | None = None
    light: LightJobs | None = None
    container_image: str | None = None
    container_runtime: ContainerRuntime = "pyxis"
    container_mounts: tuple[str, ...] = ()

    def for_light(self) -> SlurmCluster:
        """What holds for jobs in which no model runs.

        >>> cluster = SlurmCluster(partition="gpu", time=60, light=LightJobs(partition="cpu"))
        >>> cluster.for_light().partition, cluster.for_light().time
        ('cpu', 60)
        """
        if self.light is None:
            return self
        said = {name: getattr(self.light, name) for name in self.light.__struct_fields__}
        changed = {name: value for name, value in said.items() if value is not None}
        return msgspec.structs.replace(self, **changed)


class LeaseRegister(Record, frozen=True, kw_only=True):
    """Where hosts write down who does which stage.

    Attributes:
        at: a folder, or a place in object storage (`s3://`), or `host` for locks of this host
            alone; None for what fits the file system that the repository is on.
        seconds: how long a host may be silent before others take it for dead.
    """

    at: str | None = None
    seconds: float = 60


class HardwareProfile(Record, frozen=True, kw_only=True):
    """What a user says of hardware. Without a file all of it is left to the machine.

    Attributes:
        ray: None where the file has no such part.
        slurm: None where the file has no such part.
    """

    machine: Room = Room()
    training: TrainingSpread = TrainingSpread()
    generation: GenerationSpread = GenerationSpread()
    evaluation: EvaluationSpread = EvaluationSpread()
    ray: RayCluster | None = None
    slurm: SlurmCluster | None = None
    leases: LeaseRegister = LeaseRegister()

    def variables(self) -> dict[str, str]:
        """What it says as the variables of the environment that say the same.

        >>> HardwareProfile(training=TrainingSpread(processes=2)).variables()
        {'DATAENVGYM_PROCESSES': '2'}
        """
        training, again = self.training, self.training.recompute_activations
        values = {
            PROCESSES: training.processes,
            DEVICE_BATCH: training.device_batch,
            DISTRIBUTION: training.distribution,
            MACHINES: training.num_machines,
            MAIN_ADDRESS: training.main_address,
            RECOMPUTE: None if again is None else int(again),
            VLLM_GPUS: self.generation.tensor_parallel,
            VLLM_MEMORY: self.generation.gpu_memory,
        }
        return {name: str(value) for name, value in values.items() if value is not None}


def room_here(profile: HardwareProfile, environ: Mapping[str, str]) -> Room:
    """What stages that run side by side may use: as the profile says, else all that is here.

    Its `memory` alone may be None, where this machine does not tell how much it has.
    """
    room = profile.machine
    return Room(
        cpus=cpus_here() if room.cpus is None else room.cpus,
        gpus=gpus_here(environ) if room.gpus is None else room.gpus,
        memory=memory_here() if room.memory is None else room.memory,
    )
