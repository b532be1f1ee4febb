"""An experiment's entry in the root `dvc.yaml`: everything its report reads, and the report."""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.emit.stages import COMMAND
from dataenvgym_spec.ir import Entry, Graph

NOT_REPORTED = frozenset({"student", "hashes", "test", "selection", "shown", "hidden", "state"})
"""Ports of these names are read by other stages only; `evaluate` shares names with `data`, and its ports are reported."""


def entry(item: Entry, graph: Graph) -> dict[str, Any]:
    """The DVC stage of one experiment."""
    deps = {f"experiments/{item.name}.json"}
    for stage in graph.of(item):
        ports = [port for port in stage.ports if stage.kind == "evaluate" or port not in NOT_REPORTED]
        deps |= {f"store/{stage.directory}/out/{port}" for port in ports} | {f"store/{stage.directory}/log"}
    return {
        "cmd": COMMAND.format(up="", rest=f"stage {item.name}"),
        "deps": sorted(deps),
        # An uncached metric or plot would turn DVC's run cache off for the stage.
        "outs": [f"reports/{item.name}/index.html"],
        "metrics": [f"reports/{item.name}/metrics.json"],
        "plots": [{f"reports/{item.name}/curves.csv": {"x": "iteration", "y": "accuracy"}}],
    }
