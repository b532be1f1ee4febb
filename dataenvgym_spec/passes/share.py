"""Gives every stage its key and merges stages with equal keys, across arms, seeds and experiments.

A key is the hash of what a stage does: its kind and the kind's `semantics`, its resolved parameters, and the keys and ports
it reads. Where it stands, who asked for it and where files lie do not enter.
"""

from __future__ import annotations

from dataclasses import replace

from dataenvgym_spec.hashing import digest
from dataenvgym_spec.ir import Entry, Graph, Stage


def share(graph: Graph) -> Graph:
    """The graph with keys as ids and no two equal stages."""
    keys: dict[str, str] = {}
    shared: dict[str, Stage] = {}
    for stage in graph.stages:
        inputs = tuple(replace(item, stage=keys[item.stage]) for item in stage.inputs)
        key = stage_key(replace(stage, inputs=inputs))
        keys[stage.id] = key
        known = shared.get(key)
        uses = (known.uses if known else ()) + stage.uses
        files = {**stage.files, **(known.files if known else {})}
        shared[key] = replace(stage, id=key, inputs=inputs, uses=uses, files=files)
    entries = tuple(replace(entry, stages=_unique(keys, entry)) for entry in graph.entries)
    return Graph(stages=tuple(shared.values()), entries=entries)


def stage_key(stage: Stage) -> str:
    """The key of a stage whose inputs are named by key: 64 hex digits."""
    return digest("stage", identity(stage))


def identity(stage: Stage) -> dict[str, object]:
    """What the key is the hash of."""
    return {
        "kind": stage.kind,
        "semantics": stage.declaration.semantics,
        "params": stage.params,
        "inputs": [[item.slot, item.stage, item.port] for item in stage.inputs],
    }


def _unique(keys: dict[str, str], entry: Entry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys[stage] for stage in entry.stages))
