"""An experiment's entry: everything its report reads, the report, and what DVC shows of it.

It is in the root `dvc.yaml`, as `dvc repro NAME` wants it. In a sweep every experiment has a file
of its own, `experiments/<name>/dvc.yaml`: DVC reads the root file for every command, and a hundred
entries would take it minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dataenvgym_spec.emit.stages import COMMAND, listed, quoted
from dataenvgym_spec.graph.ir import Entry, Graph
from dataenvgym_spec.store.layout import EXAMPLES, curve_file, report_folder

Plot = dict[str, Any]
"""A plot as a `dvc.yaml` has it: its axes under its name."""

_PLOTTED = {"selection": "selection split", "test": "sealed test"}
"""The splits that have a plot, and how its title calls them."""


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
        "plots:",
        *_plot_lines(plots(item)),
        "stages:",
        f"  {item.name}:",
        f"    cmd: {body['cmd']}",
        *listed("deps", map(quoted, body["deps"])),
        *listed("metrics", body["metrics"]),
        *listed("outs", body["outs"]),
        "    wdir: ../..",
    ]
    return "\n".join(lines) + "\n"


def _plot_lines(shown: Sequence[Plot]) -> list[str]:
    lines = []
    for plot in shown:
        for name, axes in plot.items():
            lines += [
                f"- {name}:",
                f"    title: '{axes['title']}'",
                f"    x: {axes['x']}",
                "    y:",
            ]
            lines += [f"      {path}: {column}" for path, column in axes["y"].items()]
    return lines


def entry(item: Entry, graph: Graph) -> dict[str, Any]:
    """The DVC stage of one experiment; its paths are relative to the repository."""
    # A spec that was edited and not compiled: DVC makes the report again, which says so.
    deps = {f"experiments/{item.name}.json", *item.index.specs}
    for stage in graph.of(item):
        folder = f"store/{stage.directory}"
        deps.add(f"{folder}/log")
        for port in stage.ports:
            if port not in stage.declaration.unreported:
                deps.add(f"{folder}/out/{port}")
    reports = report_folder(item.name)
    names = ("curves", "curves.csv", EXAMPLES, "index.html", "metrics.json")
    return {
        "cmd": COMMAND.format(up="", rest=f"stage {item.name}"),
        "deps": sorted(deps),
        # An uncached metric would turn DVC's run cache off for the stage.
        "outs": [f"{reports}/{name}" for name in names],
        "metrics": [f"{reports}/headline.json"],
    }


def plots(item: Entry) -> list[Plot]:
    """One plot a split, with a line for each arm and seed.

    DVC draws one line a file. A plot's files are named from the folder of its `dvc.yaml`.
    """
    up = "../../" if home(item) else ""
    shown = []
    for split, words in _PLOTTED.items():
        lines = {}
        for arm in item.index.arms:
            for seed in item.index.seeds:
                lines[up + curve_file(item.name, split, arm, seed)] = "accuracy"
        ordered = dict(sorted(lines.items()))
        axes = {"title": f"{item.name}: {words}", "x": "iteration", "y": ordered}
        shown.append({f"{item.name}-{split}": axes})
    return shown
