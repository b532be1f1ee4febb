"""The index of an experiment: which stage belongs to which arm, seed and iteration.

Stages never depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dataenvgym_spec.emit.stages import pretty
from dataenvgym_spec.graph.ir import Entry, Graph, Stage, Use
from dataenvgym_spec.records.experiment import Index, IndexedStage, StageUse


def index(item: Entry, graph: Graph) -> str:
    """The text of `experiments/<name>.json`."""
    return pretty(complete(item, graph).plain())


def complete(item: Entry, graph: Graph) -> Index:
    """The index of an experiment with its stages: that of an entry has none."""
    stages = tuple(_row(stage, graph.uses(stage, item.name)) for stage in graph.of(item))
    return msgspec.structs.replace(item.index, stages=stages)


def _row(stage: Stage, uses: Iterable[Use]) -> IndexedStage:
    inputs = {item.stage for item in stage.inputs}
    return IndexedStage(
        directory=stage.directory,
        key=stage.id,
        kind=stage.kind,
        inputs=tuple(sorted(inputs)),
        uses=tuple(map(_use, uses)),
    )


def _use(use: Use) -> StageUse:
    return StageUse(
        arm=use.arm,
        seed=use.seed,
        iteration=use.iteration,
        label=use.label(),
        baseline=use.baseline,
        probe=use.probe,
        each=use.each,
        copy=use.copy,
    )
