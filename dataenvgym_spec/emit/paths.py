"""Keeps the paths of files that a stage on disk names, where they hold the same content.

Two specs may name equal files by different paths. Their stage is one, since a path is no part of
what a stage does. But `stage.json` holds the paths, so DVC would run the stage again whenever the
other spec was compiled last.
"""

from __future__ import annotations

from dataclasses import replace

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.outside import named_files, verified


def settled(graph: Graph, layout: Layout) -> Graph:
    """The graph with files named as in the store, where those still hold the same."""
    if not any(stage.files for stage in graph.stages):
        return graph
    contents = Contents(layout.root)
    stages = tuple(_settled(stage, layout, contents) for stage in graph.stages)
    return replace(graph, stages=stages)


def _settled(stage: Stage, layout: Layout, contents: Contents) -> Stage:
    if not stage.files:
        return stage
    try:
        files = named_files(layout, stage.directory)
        if files.keys() != stage.files.keys():
            return stage
        for digest, path in stage.files.items():
            # Equal paths need no reading: the graph was made from what they hold now.
            if files[digest] != path:
                verified(contents, digest, files[digest])
    except (OSError, ValueError, UserError):  # damaged, gone, changed, or not of this machine
        return stage
    return replace(stage, files=files)
