"""The index of an experiment: which stage belongs to which arm, seed and iteration. Stages never depend on it."""

from __future__ import annotations

from dataenvgym_spec.emit.stages import pretty
from dataenvgym_spec.graph.ir import Entry, Graph, Stage


def index(item: Entry, graph: Graph) -> str:
    """The text of `experiments/<name>.json`."""
    content = {
        "format": 1,
        **item.index,
        "stages": [_row(stage, item.name) for stage in graph.of(item)],
    }
    return pretty(content)


def _row(stage: Stage, experiment: str) -> dict[str, object]:
    uses = [use for use in stage.uses if use.experiment == experiment]
    return {
        "directory": stage.directory,
        "key": stage.id,
        "kind": stage.kind,
        "inputs": sorted({item.stage for item in stage.inputs}),
        "uses": [
            {"arm": use.arm, "seed": use.seed, "iteration": use.iteration, "label": use.label()}
            for use in uses
        ],
    }
