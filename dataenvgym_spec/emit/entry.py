"""An experiment's entry: everything its report reads, and the report.

It is in the root `dvc.yaml`, as `dvc repro NAME` wants it. In a sweep every experiment has a file
of its own, `experiments/<name>/dvc.yaml`: DVC reads the root file for every command, and a hundred
entries would take it minutes.
"""

from __future__ import annotations

from typing import Any

from dataenvgym_spec.emit.stages import COMMAND, listed
from dataenvgym_spec.graph.ir import Entry, Graph


def home(item: Entry) -> str:
    """The folder of the `dvc.yaml` that holds an entry: empty for the root."""
    return f"experiments/{item.name}" if item.index.sweep else ""


def target(item: Entry) -> str:
    """How DVC names an entry."""
    folder = home(item)
    return f"{folder}/dvc.yaml:{item.name}" if folder else item.name


def entry_file(item: Entry, graph: Graph) -> str:
    """The text of an entry's own file: what `dump` gives, without the seconds that takes."""
    body = entry(item, graph)
    lines = [
        "stages:",
        f"  {item.name}:",
        f"    cmd: {body['cmd']}",
        *listed("deps", body["deps"]),
        *listed("metrics", body["metrics"]),
        *listed("outs", body["outs"]),
        "    plots:",
    ]
    for plot in body["plots"]:
        for path, axes in plot.items():
            lines.append(f"    - {path}:")
            lines += [f"        {axis}: {column}" for axis, column in axes.items()]
    lines.append("    wdir: ../..")
    return "\n".join(lines) + "\n"


def entry(item: Entry, graph: Graph) -> dict[str, Any]:
    """The DVC stage of one experiment; its paths are relative to the repository."""
    deps = {f"experiments/{item.name}.json"}
    for stage in graph.of(item):
        folder = f"store/{stage.directory}"
        deps.add(f"{folder}/log")
        for port in stage.ports:
            if port not in stage.declaration.unreported:
                deps.add(f"{folder}/out/{port}")
    reports = f"reports/{item.name}"
    axes = {"x": "iteration", "y": "accuracy"}
    return {
        "cmd": COMMAND.format(up="", rest=f"stage {item.name}"),
        "deps": sorted(deps),
        # An uncached metric or plot would turn DVC's run cache off for the stage.
        "outs": [f"{reports}/index.html"],
        "metrics": [f"{reports}/metrics.json"],
        "plots": [{f"{reports}/curves.csv": axes}],
    }
