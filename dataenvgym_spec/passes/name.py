"""Names every stage's directory: `<kind>-<first 16 digits of the key>`."""

from __future__ import annotations

from dataclasses import replace

from dataenvgym_spec.hashing import SHORT
from dataenvgym_spec.ir import Graph


def name(graph: Graph) -> Graph:
    """The graph with directories.

    Raises:
        ValueError: two keys agree in the digits that a name shows; the chance is 1 in 10^12 at a million stages.
    """
    stages = tuple(replace(stage, directory=f"{stage.kind}-{stage.id[:SHORT]}") for stage in graph.stages)
    if len({stage.directory for stage in stages}) != len(stages):
        raise ValueError("two stages would share a directory; raise hashing.SHORT")
    return replace(graph, stages=stages)
