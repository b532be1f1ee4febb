"""Other test sets, and the sealed test by every student: for the report alone, and in no other key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.passes.leakage import leakage
from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled, findings, keys
from tests.support.specs import TINY, plain, tiny

MINE = {"kind": "files", "path": "mine.jsonl", "fields": {"input": "q", "target": "a"}}


def probing(folder: Path, draw: Any = "all", source: Any = MINE, **sections: Any) -> str:
    """The small spec with another test set."""
    rows = [json.dumps({"q": f"{n} + 1", "a": str(n + 1)}) for n in range(8)]
    (folder / "mine.jsonl").write_text("\n".join(rows), encoding="utf-8")
    task = {
        "sources": {"others": source},
        "splits": {"probes": {"mine": {"from": "others", "draw": draw}}},
    }
    return tiny(task=task, **sections)


def added(graph: Graph, other: Graph) -> list[Stage]:
    return [stage for stage in other.stages if stage.id in keys(other) - keys(graph)]


def test_a_probe_is_drawn_once_answered_three_times_and_moves_no_key(tmp_path: Path) -> None:
    before, graph = compiled(tmp_path, TINY), compiled(tmp_path, probing(tmp_path))
    assert keys(before) < keys(graph)
    more = added(before, graph)
    assert [stage.kind for stage in more] == ["data", "evaluate", "evaluate", "evaluate"]
    draw, base, *sealed = more
    assert {use.probe for stage in more for use in stage.uses} == {"mine"}
    assert (draw.plain["role"], draw.plain["lane"]) == ("test", [0.0, 1.0])
    assert base.uses[0].label() == "with-state, base, evaluate on the probe mine"
    assert {use.arm for stage in sealed for use in stage.uses} == {"with-state", "no-state"}
    for stage in more:
        readers = [one for one in graph.stages for item in one.inputs if item.stage == stage.id]
        assert {one.kind for one in readers} == ({"evaluate"} if stage is draw else set())
    assert leakage(graph) == []


def test_a_probe_has_nothing_that_a_split_may_have(tmp_path: Path) -> None:
    """Of a listed source what lies in lanes of splits is left out; made problems lie in the lane of the test."""
    pool = {"pool": {"from": "others", "draw": {"items": 2}}}
    tree = plain(probing(tmp_path))
    tree["task"]["splits"] |= pool
    graph = compiled(tmp_path, json.dumps(tree))
    (draw,) = [one for one in graph.stages if one.kind == "data" and one.uses[0].probe]
    assert list(draw.plain["apart"]) == ["pool"]
    assert draw.plain["apart_lanes"]["pool"] == [0.25, 0.45]
    assert draw.plain["apart"]["pool"] == draw.plain["source"]
    tree = plain(TINY)
    tree["task"]["splits"]["probes"] = {"more": {"from": "problems", "draw": {"items": 3}}}
    (made,) = added(compiled(tmp_path, TINY), compiled(tmp_path, json.dumps(tree)))[:1]
    assert (made.plain["lane"], "apart" in made.plain) == ([0.0, 0.1], False)


def test_every_student_can_answer_the_test_for_the_report_alone(tmp_path: Path) -> None:
    before = compiled(tmp_path, TINY)
    graph = compiled(tmp_path, tiny(test={"evaluate": "each"}))
    assert keys(before) < keys(graph)
    more = added(before, graph)
    # Arms of two iterations, of which each has two students.
    assert sorted(use.each for stage in more for use in stage.uses) == [1, 1, 2, 2]
    assert all(use.iteration is None for stage in more for use in stage.uses)
    assert not [
        stage
        for stage in graph.stages
        for item in stage.inputs
        if item.stage in {one.id for one in more}
    ]
    (entry,) = graph.entries
    assert "all students answered the sealed test" in (entry.index.stamps or ("",))[-1]
    assert before.entries[0].index.stamps is None


def test_a_best_student_that_is_the_last_is_stamped(tmp_path: Path) -> None:
    (entry,) = compiled(tmp_path, tiny(select={"by": "last"})).entries
    assert entry.index.stamps == (
        "the best student is the last one: nothing was selected (select.by)",
    )


@pytest.mark.parametrize(
    ("draw", "source", "message"),
    [
        ({"items": 9}, MINE, "the probe 'mine' asks for 9 items, and 'others' has 8"),
        ({"items": 9}, {"kind": "files", "path": "mine.jsonl"}, "which column holds 'input'"),
        (
            "all",
            {"kind": "word-problems", "families": {"sum": {"story": "give"}}},
            "makes problems without end",
        ),
    ],
)
def test_what_a_probe_cannot_have_is_said_before_anything_runs(
    draw: Any, source: Any, message: str, tmp_path: Path
) -> None:
    found = [one.message for one in findings(tmp_path, probing(tmp_path, draw, source))]
    assert any(message in text for text in found), found


def test_made_problems_need_a_lane_of_the_test(tmp_path: Path) -> None:
    tree = plain(probing(tmp_path))
    tree["task"]["splits"]["test"] = {"from": "others", "draw": "all"}
    tree["task"]["splits"]["probes"] = {"more": {"from": "problems", "draw": {"items": 3}}}
    found = [one.message for one in findings(tmp_path, json.dumps(tree))]
    assert any("of which the test has no share" in text for text in found), found


def test_a_misspelt_source_of_a_probe_is_said_with_its_place(tmp_path: Path) -> None:
    tree = plain(TINY)
    tree["task"]["splits"]["probes"] = {"more": {"from": "problem", "draw": {"items": 3}}}
    (finding,) = findings(tmp_path, json.dumps(tree))
    assert (finding.code, finding.message) == ("E201", "there is no source 'problem'")
