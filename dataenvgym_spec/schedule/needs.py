"""What a stage occupies while it runs, by its kind and its components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dataenvgym_spec.core.variables import ONE_THREAD
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.schedule.models import Loaded, Models
from dataenvgym_spec.schedule.protocol import Needs

MIB: Final = 2**20
LIGHT: Final = 256 * MIB
"""Memory of a stage in which no model runs."""
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
    if not loaded:
        return Needs(memory=LIGHT, light=True)
    trains = stage.declaration.work == "training"
    processes, machines = (spread.processes, spread.machines) if trains else (1, 1)
    on_gpu = bool(spread.gpus)
    memory = processes * (
        HEAVY + sum(model.memory(spread.cache, on_gpu=on_gpu) for model in loaded)
    )
    if any(model.parameters is None for model in loaded):
        memory = 0
    if on_gpu:
        gpus = spread.gpus if trains else spread.split
        return Needs(cpus=processes, gpus=gpus, memory=memory, machines=machines)
    threads = spread.threads
    if threads is None:
        small = all(_is_small(model) for model in loaded)
        threads = 1 if small else max(1, spread.cpus // processes)
    return Needs(cpus=threads * processes, memory=memory, machines=machines)


def _is_small(model: Loaded) -> bool:
    """Whether one thread is enough for a model."""
    return model.parameters is not None and model.parameters < ONE_THREAD
