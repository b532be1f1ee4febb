"""What specs compile to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import Diagnostic, SpecError
from dataenvgym_spec.emit.write import write
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.graph.kinds import KINDS
from dataenvgym_spec.graph.parameters import Params
from dataenvgym_spec.records.experiment import Index
from dataenvgym_spec.store.layout import Layout
from tests.support.specs import TEMPLATE


def compiled(folder: Path, text: str, name: str = "spec.yaml") -> Graph:
    """The graph of a spec that is written into a folder."""
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return lower(front_end([path], root=folder)).graph


def written(folder: Path, text: str) -> Layout:
    """A clone in which a spec is compiled, in a folder; there is no git, and nothing of DVC's but its own folder."""
    (folder / "spec").mkdir()
    graph, layout = compiled(folder / "spec", text), Layout(root=folder / "repo")
    (layout.root / ".dvc").mkdir(parents=True)
    write(graph, layout, everything=True)
    return layout


def keys(graph: Graph) -> set[str]:
    """The keys of all stages."""
    return {stage.id for stage in graph.stages}


def findings(folder: Path, text: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec."""
    (folder / "prompts").mkdir(exist_ok=True)
    (folder / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    (folder / "prompts" / "bad.j2").write_text("{% if %}", encoding="utf-8")
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        lower(front_end([path], root=folder))
    except SpecError as error:
        return error.diagnostics
    return ()


_PARTIAL: dict[str, dict[str, Any]] = {
    "data": {
        "role": "test",
        "source": {"kind": "jsonl"},
        "score": {"kind": "exact-match"},
        "draw": {"items": 1},
        "lane": [0.0, 0.1],
        "seed": 0,
    },
    "reserve": {
        "lanes": {"test": [0.0, 0.1]},
        "sources": {"test": {"kind": "jsonl"}},
        "seed": 0,
    },
    "evaluate": {
        "splits": ["test"],
        "generate": {"backend": "transformers", "max_new_tokens": 1},
        "template": "",
        "score": {"kind": "exact-match"},
    },
    "skills": {"discover": {"kind": "gold"}},
    "assign": {"discover": {"kind": "gold"}},
    "label": {"split": "test", "discover": {"kind": "gold"}},
    "student": {"model": {"kind": "hub", "id": "a"}},
    "plan": {"observe": "nothing", "policy": {"kind": "allocate"}, "amount": 10, "seed": 0},
    "generate": {
        "observe": "nothing",
        "engine": {"kind": "procedural", "teacher": {"kind": "procedural"}},
        "iteration": 1,
        "round": 0,
        "seed": 0,
    },
    "check": {"observe": "nothing", "checks": [], "score": {"kind": "exact-match"}},
    "train": {
        "train": {
            "method": "sft",
            "length": {"steps": 1},
            "learning_rate": 0.001,
            "batch_size": 4,
        },
        "template": "",
        "seed": 0,
    },
    "gate": {"patience": 1},
    "select": {"by": "last", "ties": "earliest"},
}
"""Parameters that are whole but say little, by stage kind."""


def parameters(kind: str, content: Mapping[str, Any]) -> Params:
    """Parameters of which only some matter: these, in place of or beside others that say little."""
    return KINDS[kind].params.parse({**_PARTIAL[kind], **content})


def named(name: str) -> Index:
    """The index of an experiment of which only the name matters."""
    return Index(
        name=name, description="", arms=(), seeds=(), iterations={}, contrasts=(), settings={},
        inputs={},
    )  # fmt: skip


def rewired(graph: Graph, stage: Stage, index: int, source: Stage, port: str) -> Graph | None:
    """The graph with one edge plugged into another port, in topological order; None if the source reads the stage."""
    inputs = tuple(
        replace(item, stage=source.id, port=port) if n == index else item
        for n, item in enumerate(stage.inputs)
    )
    stages = {**graph.by_id(), stage.id: replace(stage, inputs=inputs)}
    if graph.stages.index(source) < graph.stages.index(stage):
        return Graph(stages=tuple(stages.values()))
    try:
        order = list(
            TopologicalSorter(
                {key: [item.stage for item in item.inputs] for key, item in stages.items()}
            ).static_order()
        )
    except CycleError:
        return None
    return Graph(stages=tuple(stages[key] for key in order))
