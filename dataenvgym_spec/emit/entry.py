"""An experiment's entry: everything its report reads, and the report.

It stands in the root `dvc.yaml`, as `dvc repro NAME` wants it. Of a sweep every experiment has a file of its own,
`experiments/<name>/dvc.yaml`: DVC reads the root file for every command, and a hundred entries would take it minutes.
"""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.emit.stages import COMMAND, listed
from dataenvgym_spec.graph.ir import Entry, Graph

NOT_REPORTED = frozenset({"student", "hashes", "test", "selection", "shown", "hidden", "state"})
"""Ports of these names are read by other stages only; `evaluate` shares names with `data`, and its ports are reported."""


def home(item: Entry) -> str:
    """The folder of the `dvc.yaml` that holds an entry: empty for the root."""
    return f"experiments/{item.name}" if item.index.sweep else ""


def target(item: Entry) -> str:
    """How DVC names an entry."""
    return f"{home(item)}/dvc.yaml:{item.name}" if home(item) else item.name


def entry_file(item: Entry, graph: Graph) -> str:
    """The text of an entry's own file: what `dump` gives, without the seconds it takes for a sweep."""
    body = entry(item, graph)
    plots = [
        line
        for plot in body["plots"]
        for path, axes in plot.items()
        for line in (f"{path}:", *(f"    {axis}: {name}" for axis, name in axes.items()))
    ]
    lines = [
        "stages:",
        f"  {item.name}:",
        f"    cmd: {body['cmd']}",
        *listed("deps", body["deps"]),
        *listed("metrics", body["metrics"]),
    ]
    lines += [
        *listed("outs", body["outs"]),
        "    plots:",
        f"    - {plots[0]}",
        *(f"    {line}" for line in plots[1:]),
        "    wdir: ../..",
    ]
    return "\n".join(lines) + "\n"


def entry(item: Entry, graph: Graph) -> dict[str, Any]:
    """The DVC stage of one experiment; its paths are relative to the repository."""
    deps = {f"experiments/{item.name}.json"}
    for stage in graph.of(item):
        ports = [
            port for port in stage.ports if stage.kind == "evaluate" or port not in NOT_REPORTED
        ]
        deps |= {f"store/{stage.directory}/out/{port}" for port in ports} | {
            f"store/{stage.directory}/log"
        }
    return {
        "cmd": COMMAND.format(up="", rest=f"stage {item.name}"),
        "deps": sorted(deps),
        # An uncached metric or plot would turn DVC's run cache off for the stage.
        "outs": [f"reports/{item.name}/index.html"],
        "metrics": [f"reports/{item.name}/metrics.json"],
        "plots": [{f"reports/{item.name}/curves.csv": {"x": "iteration", "y": "accuracy"}}],
    }
