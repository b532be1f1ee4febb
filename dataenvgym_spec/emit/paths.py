"""Keeps the paths of files that a stage on disk names, where they hold the same content.

Two specs may name equal files by different paths. Their stage is one, since a path is no part of
what a stage does. But `stage.json` holds the paths, so DVC would run the stage again whenever the
other spec was compiled last.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.store.layout import Layout


class _Named(msgspec.Struct):
    """The part of a `stage.json` that names files: paths by digest."""

    files: dict[str, str]


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
        files = _named(layout.stage(stage.directory) / "stage.json")
        if files.keys() != stage.files.keys():
            return stage
        for digest, path in stage.files.items():
            # Equal paths need no reading: the graph was made from what they hold now.
            if files[digest] != path and not _holds(contents, files[digest], digest):
                return stage
    except (OSError, ValueError, UserError):  # damaged, gone, or not of this machine
        return stage
    return replace(stage, files=files)


def _named(path: Path) -> dict[str, str]:
    return msgspec.json.decode(path.read_bytes(), type=_Named).files


def _holds(contents: Contents, name: str, digest: str) -> bool:
    return f"sha256:{contents.digest(contents.place(name))}" == digest
