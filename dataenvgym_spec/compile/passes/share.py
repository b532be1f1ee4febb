"""Gives every stage its key, and merges equal stages across arms, seeds and experiments."""

from __future__ import annotations

from dataclasses import replace

from dataenvgym_spec.core.hashing import Canonical
from dataenvgym_spec.graph.ir import Entry, Graph, Input, Stage, Use
from dataenvgym_spec.graph.keys import key_of


def share(graph: Graph) -> Graph:
    """The graph with keys as ids and no two equal stages.

    Raises:
        ValueError: two keys agree in the digits that a directory's name shows; the chance is 1 in
            10^12 at a million stages.
    """
    keys: dict[str, str] = {}
    first: dict[str, tuple[Stage, tuple[Input, ...]]] = {}
    uses: dict[str, list[Use]] = {}
    # Stages of a loop share their parameters; a sweep has far fewer of these than stages.
    text = Canonical()
    for stage in graph.stages:
        inputs = tuple(
            Input(slot=item.slot, stage=keys[item.stage], port=item.port) for item in stage.inputs
        )
        key = keys[stage.id] = key_of(stage, text(stage.plain), inputs)
        if key not in first:
            first[key] = (stage, inputs)
        uses.setdefault(key, []).extend(stage.uses)
    stages = []
    for key, (stage, inputs) in first.items():
        # An arm that watches the student of another asks for what that one may ask for itself.
        once = tuple(dict.fromkeys(uses[key]))
        stages.append(replace(stage, id=key, inputs=inputs, uses=once))
    if len({stage.directory for stage in stages}) != len(stages):
        raise ValueError("two stages would share a directory; raise hashing.SHORT")
    entries = tuple(replace(entry, stages=_unique(keys, entry)) for entry in graph.entries)
    return Graph(stages=tuple(stages), entries=entries)


def _unique(keys: dict[str, str], entry: Entry) -> tuple[str, ...]:
    return tuple(dict.fromkeys(keys[stage] for stage in entry.stages))
