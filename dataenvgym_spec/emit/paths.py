"""Of several files with one content, the one that a stage on disk names already is kept: a path is no part of what a stage does.

Two specs may name equal files by different paths. Their stage is one, and DVC would make it again whenever the other spec
was compiled last, for `stage.json` says where the files lie.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from dataenvgym_spec.core.hashing import file_digest
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.store.layout import Layout


def settled(graph: Graph, layout: Layout) -> Graph:
    """The graph with files named as in the store, where what is named there is still the same."""
    if not any(stage.files for stage in graph.stages):
        return graph
    return replace(
        graph,
        stages=tuple(_settled(stage, layout) if stage.files else stage for stage in graph.stages),
    )


def _settled(stage: Stage, layout: Layout) -> Stage:
    try:
        known = msgspec.json.decode(
            (layout.stage(stage.directory) / "stage.json").read_bytes(), type=dict[str, msgspec.Raw]
        )
        files = msgspec.json.decode(known["files"], type=dict[str, str])
        same = files.keys() == stage.files.keys() and all(
            _holds(layout, files[digest], path, digest) for digest, path in stage.files.items()
        )
    except (OSError, KeyError, msgspec.DecodeError):
        return stage
    return replace(stage, files=files) if same else stage


def _holds(layout: Layout, known: str, path: str, digest: str) -> bool:
    return known == path or f"sha256:{file_digest(layout.root / known)}" == digest
