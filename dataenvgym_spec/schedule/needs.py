"""What a stage occupies while it runs, by its kind and its components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dataenvgym_spec.core.variables import ONE_THREAD
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.cost.estimate import PastStages
from dataenvgym_spec.schedule.protocol import Needs

MIB: Final = 2**20
LIGHT: Final = 256 * MIB
"""Memory of a stage in which no model runs."""
HEAVY: Final = 1024 * MIB
"""Memory of what a model needs before it is loaded."""
RUN, TRAIN = 4, 16
"""Bytes of a parameter: in single precision; and with its gradient and the optimizer's moments."""
STUDENT: Final = "student"
"""The kind of the stage that brings a base model."""


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
    """

    cpus: int = 1
    threads: int | None = None
    processes: int = 1
    gpus: int = 0
    split: int = 1
    machines: int = 1


@dataclass(slots=True)
class Sizes:
    """The parameters of models, as far as logs of earlier stages tell.

    Attributes:
        known: all stages, by key.
        parameters: of each base model, by the key of the stage that brings it.
    """

    known: Mapping[str, Stage]
    parameters: dict[str, int] = field(default_factory=dict)
    _bases: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Mapping[str, Stage], history: PastStages) -> Sizes:
        """From logs."""
        sizes = cls({**history.known, **known})
        for past in history.pasts:
            if past.log.parameters:
                sizes.parameters[sizes.base(past.stage)] = past.log.parameters
        return sizes

    def base(self, stage: Stage) -> str:
        """The stage that brings the model which a stage runs; empty if it runs none."""
        way: list[str] = []
        above: Stage | None = stage
        while above is not None and above.kind != STUDENT and above.id not in self._bases:
            way.append(above.id)
            above = _model(above, self.known)
        found = ""
        if above is not None:
            found = self._bases.get(above.id, above.id)
        self._bases.update(dict.fromkeys(way, found))
        return found


def _model(stage: Stage, known: Mapping[str, Stage]) -> Stage | None:
    """The stage that a stage has its model from."""
    for slot in ("base", "student", "previous"):
        for read in stage.inputs:
            if read.slot == slot and read.stage in known:
                return known[read.stage]
    return None


def needs(stage: Stage, spread: Spread, sizes: Sizes) -> Needs:
    """What a stage occupies.

    Args:
        stage: with its key as id.
        spread: how models are spread here.
        sizes: what is known of models.
    """
    if not stage.on_device:
        return Needs(memory=LIGHT, light=True)
    trains = stage.declaration.work == "training"
    parameters = sizes.parameters.get(sizes.base(stage), 0)
    memory = HEAVY + parameters * (TRAIN if trains else RUN)
    processes, machines = (spread.processes, spread.machines) if trains else (1, 1)
    if spread.gpus:
        gpus = spread.gpus if trains else spread.split
        return Needs(cpus=processes, gpus=gpus, memory=memory, machines=machines)
    threads = spread.threads
    if threads is None:
        threads = 1 if parameters < ONE_THREAD else max(1, spread.cpus // processes)
    cpus = threads * processes
    return Needs(cpus=cpus, memory=memory * processes, machines=machines)
