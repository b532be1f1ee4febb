"""The pipeline as a picture or as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dataenvgym_spec.graph.ir import Entry, Graph, Stage, Use

NOISE: Final = "noise floor of {}"
"""The box of copies in a flow chart: names of arms have no spaces, so no arm is called so."""


def as_records(item: Entry, graph: Graph) -> dict[str, Any]:
    """`{"stages": [...]}` with key, kind, iteration, arms, seeds and inputs (keys) of each.

    A stage that stands for the noise floor alone says which copy of what it is.
    """
    return {"stages": [_record(stage, graph.uses(stage, item.name)) for stage in graph.of(item)]}


def _record(stage: Stage, uses: Sequence[Use]) -> dict[str, Any]:
    iterations = sorted({use.iteration for use in uses if use.iteration is not None})
    record: dict[str, Any] = {
        "key": stage.id,
        "kind": stage.kind,
        "directory": stage.directory,
        "iteration": iterations[0] if iterations else None,
        "arms": sorted({use.arm for use in uses}),
        "seeds": sorted({use.seed for use in uses}),
        "inputs": sorted({read.stage for read in stage.inputs}),
        "label": uses[0].label(),
    }
    copies = [use.copy for use in uses if use.copy is not None]
    if len(copies) == len(uses):
        record["copy"] = {"of": copies[0].of, "number": copies[0].number}
    return record


def as_mermaid(item: Entry, graph: Graph) -> str:
    """A mermaid flow chart: a box per arm and one for the noise floor, shared stages outside."""
    lines = ["flowchart LR"]
    for box, stages in _by_box(item, graph).items():
        nodes = [f"  {_node(stage)}[{_title(stage)}]" for stage in stages]
        if box is None:
            lines += nodes
        else:
            lines.append(f"  subgraph {box}")
            lines += [f"  {node}" for node in nodes]
            lines.append("  end")
    for source, target in _edges(item, graph):
        lines.append(f"  {source} --> {target}")
    lines.append(f"  report[[{item.name}]]")
    for stage in _last(item, graph):
        lines.append(f"  {_node(stage)} --> report")
    return "\n".join(lines) + "\n"


def as_dot(item: Entry, graph: Graph) -> str:
    """A Graphviz digraph."""
    lines = [f'digraph "{item.name}" {{', "  rankdir=LR;", "  node [shape=box];"]
    for stage in graph.of(item):
        lines.append(f'  {_node(stage)} [label="{_title(stage)}"];')
    for source, target in _edges(item, graph):
        lines.append(f"  {source} -> {target};")
    for stage in _last(item, graph):
        lines.append(f'  {_node(stage)} -> "{item.name}";')
    lines.append("}")
    return "\n".join(lines) + "\n"


def _by_box(item: Entry, graph: Graph) -> dict[str | None, list[Stage]]:
    """The stages of each arm, and those of the noise floor; under None those of several arms."""
    groups: dict[str | None, list[Stage]] = {None: []}
    for stage in graph.of(item):
        uses = graph.uses(stage, item.name)
        boxes = {use.arm for use in uses if use.copy is None}
        # What an arm does in any case is its own, whoever else reads it.
        boxes = boxes or {NOISE.format(use.arm) for use in uses}
        groups.setdefault(boxes.pop() if len(boxes) == 1 else None, []).append(stage)
    return groups


def _node(stage: Stage) -> str:
    return stage.directory.replace("-", "_")


def _title(stage: Stage) -> str:
    use = stage.uses[0]
    return f"{use.iteration}: {use.what}" if use.iteration else use.what


def _edges(item: Entry, graph: Graph) -> list[tuple[str, str]]:
    """Nodes, and those that read them."""
    by_id = graph.by_id()
    edges = set()
    for stage in graph.of(item):
        for read in stage.inputs:
            edges.add((_node(by_id[read.stage]), _node(stage)))
    return sorted(edges)


def _last(item: Entry, graph: Graph) -> list[Stage]:
    """The stages that only the report reads."""
    stages = list(graph.of(item))
    read = {edge.stage for stage in stages for edge in stage.inputs}
    return [stage for stage in stages if stage.id not in read]
