"""Gives every stage its key and merges stages with equal keys, across arms, seeds and experiments.

A key is the hash of what a stage does: its kind and the kind's `semantics`, its resolved parameters, and the keys and ports
it reads. Where it stands, who asked for it and where files lie do not enter.
"""

from __future__ import annotations

from dataclasses import replace

from dataenvgym_spec.core.hashing import Canonical, canonical, digest_canonical
from dataenvgym_spec.graph.ir import Entry, Graph, Input, Stage, Use


def share(graph: Graph) -> Graph:
    """The graph with keys as ids and no two equal stages.

    Raises:
        ValueError: two keys agree in the digits that a directory's name shows; the chance is 1 in 10^12 at a million stages.
    """
    keys: dict[str, str] = {}
    shared: dict[str, Stage] = {}
    uses: dict[str, list[Use]] = {}
    # Stages of a loop share their parameters' object; a graph of a sweep has far fewer of these than stages.
    text = Canonical()
    for stage in graph.stages:
        inputs = tuple(
            Input(slot=item.slot, stage=keys[item.stage], port=item.port) for item in stage.inputs
        )
        key = keys[stage.id] = _key(stage, text(stage.params), inputs)
        if key not in shared:
            shared[key] = Stage(
                id=key, kind=stage.kind, params=stage.params, inputs=inputs, files=stage.files
            )
        uses.setdefault(key, []).extend(stage.uses)
    stages = tuple(replace(stage, uses=tuple(uses[key])) for key, stage in shared.items())
    if len({stage.directory for stage in stages}) != len(stages):
        raise ValueError("two stages would share a directory; raise hashing.SHORT")
    return Graph(
        stages=stages,
        entries=tuple(replace(entry, stages=_unique(keys, entry)) for entry in graph.entries),
    )


def stage_key(stage: Stage) -> str:
    """The key of a stage whose inputs are named by key: 64 hex digits of the digest of its `identity`."""
    return _key(stage, canonical(stage.params), stage.inputs)


def _key(stage: Stage, params: str, inputs: tuple[Input, ...]) -> str:
    """Canonical JSON of the identity, put together from parts that are canonical already."""
    reads = ",".join(f'["{item.slot}","{item.stage}","{item.port}"]' for item in inputs)
    text = f'{{"inputs":[{reads}],"kind":"{stage.kind}","params":{params},"semantics":{stage.declaration.semantics}}}'
    return digest_canonical("stage", text)


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
