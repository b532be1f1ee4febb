"""The options of an experiment that change no result, as a file beside its index.

`experiments/circumstances/<name>.json` is no dependency of any stage or report: with another
number of requests in flight, nothing is made again. Who runs a stage reads it; see
`execute.circumstances`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dataenvgym_spec.emit.stages import pretty
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.store.layout import Layout


def files(graph: Graph, layout: Layout) -> Iterator[tuple[Path, str]]:
    """The file of each experiment that has circumstances, with its text."""
    for item in graph.entries:
        if item.circumstances:
            content = {"format": 1, "components": item.circumstances}
            yield layout.circumstances / f"{item.name}.json", pretty(content)


def idle(graph: Graph, layout: Layout, *, everything: bool) -> list[Path]:
    """Files of experiments that have none.

    Args:
        graph: what was compiled.
        layout: the paths of the repository.
        everything: whether it holds all experiments, so that others have none.
    """
    used = {path for path, _ in files(graph, layout)}
    names = {item.name for item in graph.entries}
    paths = sorted(layout.circumstances.glob("*.json"))
    return [path for path in paths if path not in used and (everything or path.stem in names)]
