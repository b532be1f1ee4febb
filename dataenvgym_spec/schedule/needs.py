"""What a stage occupies while it runs, by its kind and its components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.variables import ONE_THREAD
from dataenvgym_spec.graph.component import Component
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.gym.sandboxes.lanes import lanes_of
from dataenvgym_spec.gym.sandboxes.protocol import SandboxLimits
from dataenvgym_spec.schedule.models import Loaded, Models
from dataenvgym_spec.schedule.protocol import Needs

MIB: Final = 2**20
LIGHT: Final = 256 * MIB
"""Memory of a stage in which no model runs, besides what judges answers."""
HEAVY: Final = 1024 * MIB
"""Memory of what models need before they are loaded."""
GIB: Final = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How models are spread over a machine. It does not depend on what runs beside them.

    The bytes that a stage promises may depend on threads, processes and GPUs: a stage gets as many
    as without other works, or waits until it can.

    Attributes:
        cpus: of the machine: as many as a large model uses.
        threads: of every model, where the user has set it.
        processes: that train a student, on each machine that does.
        gpus: that train a student, on each machine; 0 without any.
        split: GPUs over which a model is split that generates.
        machines: that train a student together.
        cache: bytes of main memory that vLLM keeps beside a model, where there is no GPU.
    """

    cpus: int = 1
    threads: int | None = None
    processes: int = 1
    gpus: int = 0
    split: int = 1
    machines: int = 1
    cache: int = GIB


def needs(stage: Stage, spread: Spread, models: Models) -> Needs:
    """What a stage occupies.

    Args:
        stage: with its key as id.
        spread: how models are spread here.
        models: what is known of models.
    """
    loaded = models.loaded(stage) if stage.on_device else ()
    judging = _Judging.of(stage)
    if not loaded:
        cpus = judging.cpus(spread)
        return Needs(cpus=cpus, memory=LIGHT + judging.memory(cpus), light=True)
    trains = stage.declaration.work == "training"
    processes, machines = (spread.processes, spread.machines) if trains else (1, 1)
    on_gpu = bool(spread.gpus)
    memory = processes * (
        HEAVY + sum(model.memory(spread.cache, on_gpu=on_gpu) for model in loaded)
    )
    threads = 1 if on_gpu else _threads(loaded, spread, processes)
    # The model has answered before what it has said is judged.
    cpus = max(threads * processes, judging.cpus(spread))
    memory += judging.memory(cpus, processes)
    if any(model.parameters is None for model in loaded):
        memory = 0
    gpus = 0
    if on_gpu:
        gpus = spread.gpus if trains else spread.split
    return Needs(cpus=cpus, gpus=gpus, memory=memory, machines=machines)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judging:
    """How a stage judges answers, in children of its own.

    Attributes:
        limits: bytes that a child of each of its components may take; empty if it judges none.
        executes: whether programs are executed, which takes most of the time of such a stage.
    """

    limits: tuple[int, ...]
    executes: bool

    @classmethod
    def of(cls, stage: Stage) -> _Judging:
        parts = [part for _, one in stage.params.components() for part in one.walk()]
        judges = [part for part in parts if part.slot == "scorer" or part.executes]
        limits = tuple(map(_limit, judges))
        return cls(limits=limits, executes=any(part.executes for part in judges))

    def cpus(self, spread: Spread) -> int:
        """Processors that judge: one, unless they are what the stage waits for."""
        return lanes_of(spread.cpus) if self.executes else 1

    def memory(self, cpus: int, processes: int = 1) -> int:
        """Bytes that children may take who work at once; components judge one after the other.

        Args:
            cpus: of the stage.
            processes: that train, each of which judges.
        """
        return processes * lanes_of(cpus, processes) * max(self.limits, default=0)


def _limit(part: Component) -> int:
    """Bytes that a child may take that judges, or a program that it starts."""
    memory = part.options.get("memory")
    # What packages call so, nobody knows.
    if part.executes and isinstance(memory, int) and part.definition.distribution is None:
        return max(SandboxLimits().memory, memory * MIB)
    return SandboxLimits().memory


def _threads(loaded: Sequence[Loaded], spread: Spread, processes: int) -> int:
    """Threads of each process on the CPU."""
    if spread.threads is not None:
        return spread.threads
    small = all(_is_small(model) for model in loaded)
    return 1 if small else max(1, spread.cpus // processes)


def _is_small(model: Loaded) -> bool:
    """Whether one thread is enough for a model."""
    return model.parameters is not None and model.parameters < ONE_THREAD
