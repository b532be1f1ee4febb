"""The pipeline as a picture or as data: all stages, what reads what, and which are whose."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from dataenvgym_spec.emit.graph import as_dot, as_mermaid, as_records
from dataenvgym_spec.graph.ir import Graph
from tests.support.graphs import compiled
from tests.support.specs import TINY, tiny

NOISE = {"reevaluate": 2, "retrain": 1}
NODE = re.compile(r"^ +(\w+)\[(.*)\]$", re.MULTILINE)


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return compiled(tmp_path, tiny(noise=NOISE))


def boxes(text: str) -> dict[str | None, list[str]]:
    """What the nodes of a flow chart are called, by the box that they are in."""
    found: dict[str | None, list[str]] = {}
    box = None
    for line in text.splitlines():
        if line.startswith("  subgraph "):
            box = line.removeprefix("  subgraph ")
        elif line == "  end":
            box = None
        elif node := NODE.fullmatch(line):
            found.setdefault(box, []).append(node[2])
    return found


def test_a_picture_has_every_stage_once_and_what_it_reads(graph: Graph) -> None:
    (entry,) = graph.entries
    edges = {(graph.by_id()[read.stage].directory, stage.directory) for stage in graph.stages for read in stage.inputs}  # fmt: skip
    for text, arrow in ((as_mermaid(entry, graph), "-->"), (as_dot(entry, graph), "->")):
        pairs = re.findall(rf"^  (\w+) {arrow} (\w+);?$", text, re.MULTILINE)
        shown = {(a.replace("_", "-"), b.replace("_", "-")) for a, b in pairs if b != "report"}
        assert shown == edges
        named = re.findall(r"^ +(\w+) ?\[", text, re.MULTILINE)
        nodes = Counter(name for name in named if name not in ("node", "report"))
        assert set(nodes.values()) == {1} and len(nodes) == len(graph.stages)


def test_copies_for_the_noise_floor_stand_apart_from_what_the_arm_does(graph: Graph) -> None:
    (entry,) = graph.entries
    found = boxes(as_mermaid(entry, graph))
    assert found["noise floor of with-state"] == [
        "evaluate iteration 2 on selection again 1",
        "evaluate iteration 2 on selection again 2",
        "train iteration 2 again 1",
        "evaluate iteration 2 on selection trained again 1",
    ]
    assert not [name for name in found["with-state"] if "again" in name]
    records = as_records(entry, graph)["stages"]
    copies = {row["label"]: (row["copy"]["of"], row["copy"]["number"]) for row in records if "copy" in row}  # fmt: skip
    assert copies == {
        "with-state, evaluate iteration 2 on selection again 1": ("reevaluate", 1),
        "with-state, evaluate iteration 2 on selection again 2": ("reevaluate", 2),
        "with-state, train iteration 2 again 1": ("retrain", 1),
        "with-state, evaluate iteration 2 on selection trained again 1": ("retrain", 1),
    }


def test_what_copies_are_compared_with_is_the_arm_s_where_the_arm_does_it(tmp_path: Path) -> None:
    """The student's own answers to the test are a stage of the floor only if nobody else asks."""
    noise = {"reevaluate": 1, "split": "test", "iteration": 1}
    for each, box in (({}, "noise floor of with-state"), ({"test": {"evaluate": "each"}}, None)):
        graph = compiled(tmp_path, tiny(noise=noise, **each))
        (entry,) = graph.entries
        (own,) = [stage for stage in graph.stages for use in stage.uses if use.copy and use.copy.of == "student"]  # fmt: skip
        record = next(row for row in as_records(entry, graph)["stages"] if row["key"] == own.id)
        assert ("copy" in record) == (box is not None)
        title = own.uses[0].what
        floor = boxes(as_mermaid(entry, graph))["noise floor of with-state"]
        assert (title in floor) == (box is not None)


def test_a_pipeline_without_a_floor_has_no_word_of_it(tmp_path: Path) -> None:
    graph = compiled(tmp_path, TINY)
    (entry,) = graph.entries
    assert set(boxes(as_mermaid(entry, graph))) == {None, "with-state", "no-state"}
    assert not [row for row in as_records(entry, graph)["stages"] if "copy" in row]
