"""The proof of no leakage, by mutation: every edge is rewired to what it must not read, and the pass must object."""

from dataclasses import replace
from pathlib import Path

import pytest

from dataenvgym_spec.ir import Graph, Input, Stage
from dataenvgym_spec.kinds import KINDS
from dataenvgym_spec.passes.leakage import leakage, roles
from tests.conftest import TINY
from tests.test_share import compiled


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return compiled(tmp_path, TINY)


def rewired(graph: Graph, stage: Stage, index: int, source: Stage, port: str) -> Graph:
    """The graph with one edge plugged into another port; its source moves before the reader if need be."""
    inputs = tuple(replace(item, stage=source.id, port=port) if n == index else item for n, item in enumerate(stage.inputs))
    changed = replace(stage, inputs=inputs)
    return Graph(stages=tuple(changed if item.id == stage.id else item for item in graph.stages))


def before(graph: Graph, stage: Stage) -> list[Stage]:
    return list(graph.stages[: graph.stages.index(stage)])


def test_the_compiled_graph_leaks_nothing(graph: Graph) -> None:
    assert leakage(graph) == []


def test_every_edge_into_teaching_rewired_to_the_test_split_is_caught(graph: Graph) -> None:
    (test,) = [stage for stage in graph.stages if stage.params.get("role") == "test"]
    tried = 0
    for stage in graph.stages:
        for index, item in enumerate(stage.inputs):
            if stage.kind == "evaluate" and item.slot == "items":
                continue  # evaluating the test split is what it is for
            tried += 1
            found = leakage(rewired(graph, stage, index, test, "test"))
            assert found, (stage.kind, item.slot)
            assert "test split" in found[0].message
    assert tried > 40


def test_every_edge_rewired_to_results_on_test_or_selection_is_caught(graph: Graph) -> None:
    for what, legal in (("test", set()), ("selection", {("select", "results"), ("evaluate", "choice")})):
        (results,) = [stage for stage in graph.stages if stage.kind == "evaluate" and stage.params["splits"] == [what] and stage.uses[0].iteration == 0]
        for stage in graph.stages:
            if results not in before(graph, stage):
                continue
            for index, item in enumerate(stage.inputs):
                if (stage.kind, item.slot) not in legal:
                    assert leakage(rewired(graph, stage, index, results, what)) or (stage.kind == "evaluate" and item.slot == "items"), (stage.kind, item.slot)


def test_a_blind_arm_that_is_shown_a_students_predictions_is_caught(graph: Graph) -> None:
    (results,) = [stage for stage in graph.stages if stage.kind == "evaluate" and "hidden" in stage.params["splits"] and stage.uses[0].iteration == 0]
    tried = 0
    for stage in graph.stages:
        if stage.params.get("observe") != "nothing" or results not in before(graph, stage):
            continue
        for index, item in enumerate(stage.inputs):
            tried += 1
            found = leakage(rewired(graph, stage, index, results, "hidden"))
            assert found, (stage.kind, item.slot)
        more = replace(stage, inputs=(*stage.inputs, Input(slot=next(iter(KINDS[stage.kind].slots)), stage=results.id, port="hidden")))
        (first, *_) = leakage(Graph(stages=tuple(more if item.id == stage.id else item for item in graph.stages)))
        assert "observes nothing" in first.message or "hidden" in first.message
    assert tried > 20


def test_a_blind_arm_cannot_read_a_seeing_arms_state(graph: Graph) -> None:
    seeing = next(stage for stage in graph.stages if stage.kind == "plan" and stage.params["observe"] != "nothing")
    blind = [stage for stage in graph.stages if stage.kind == "plan" and stage.params["observe"] == "nothing"][-1]
    assert graph.stages.index(seeing) < graph.stages.index(blind)
    changed = replace(blind, inputs=(*blind.inputs, Input(slot="state", stage=seeing.id, port="state")))
    found = leakage(Graph(stages=(*before(graph, blind), changed)))[-1]
    assert "a student's behaviour reaches 'state' of plan of arm 'no-state', which observes nothing: evaluate" in found.message
    assert "->" in found.message


def test_what_the_overlap_check_removed_can_reach_no_plan(graph: Graph) -> None:
    check = next(stage for stage in graph.stages if stage.kind == "check")
    plan = [stage for stage in graph.stages if stage.kind == "plan" and stage.uses[0].arm == check.uses[0].arm][-1]
    assert graph.stages.index(plan) > graph.stages.index(check)
    for port, caught in (("rejected", True), ("yield", False)):
        changed = replace(plan, inputs=(*plan.inputs, Input(slot="yield", stage=check.id, port=port)))
        assert bool(leakage(Graph(stages=tuple(changed if item.id == plan.id else item for item in graph.stages)))) is caught


def test_splits_reach_checks_as_hashes_only(graph: Graph) -> None:
    for split in [stage for stage in graph.stages if stage.kind == "data"]:
        check = next(stage for stage in graph.stages if stage.kind == "check")
        index = next(n for n, item in enumerate(check.inputs) if item.slot == "reserve")
        assert leakage(rewired(graph, check, index, split, split.ports[0]))


def test_roles_are_transitive(graph: Graph) -> None:
    carried = roles(graph)
    trained = [stage for stage in graph.stages if stage.kind == "train" and stage.uses[0].arm == "with-state"][-1]
    blind = [stage for stage in graph.stages if stage.kind == "train" and stage.uses[0].arm == "no-state"][-1]
    assert {"hidden", "student"} <= set(carried[trained.id, "student"])
    assert "student" not in carried[blind.id, "student"]
    assert not {"test", "selection"} & set(carried[trained.id, "student"])


def test_every_slot_and_port_of_every_kind_is_declared(graph: Graph) -> None:
    for stage in graph.stages:
        assert {item.slot for item in stage.inputs} <= set(stage.declaration.slots)
        counts = [item.slot for item in stage.inputs]
        assert all(stage.declaration.slots[slot].many or counts.count(slot) == 1 for slot in counts)
