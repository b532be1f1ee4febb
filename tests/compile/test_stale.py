"""An agent that watches the untaught student in every iteration: the control of a state that is stale."""

from pathlib import Path

import pytest

from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled, keys
from tests.support.specs import TINY

OBSERVED = "observe: {scores: true, yield: true, errors: 1}"
STALE = TINY.replace(OBSERVED, "observe: {scores: true, yield: true, errors: 1, student: base}")
THREE = ("iterations: 2", "iterations: 3")
KNOWN = ("overlap: {action: reject}}", "overlap: {action: reject}, known: {action: reject}}")
SEEING = "\n  no-state: {agent: {observe: nothing}}"


def of(graph: Graph, kind: str) -> list[Stage]:
    return [stage for stage in graph.stages if stage.kind == kind]


def read(graph: Graph, stage: Stage, slot: str) -> set[str]:
    """The kinds of what a stage's evaluations are of: the base student, or a taught one."""
    stages = graph.by_id()
    read_from = {item.stage for item in stage.inputs if item.slot == slot}
    students = [
        item.stage for key in read_from for item in stages[key].inputs if item.slot == "student"
    ]
    return {stages[key].kind for key in students}


def alone(text: str, *changes: tuple[str, str]) -> str:
    """A spec with the arm that observes, and no contrast."""
    text = text.replace(SEEING, "").partition("analysis:")[0]
    for old, new in (THREE, *changes):
        assert old in text
        text = text.replace(old, new)
    return text


def test_every_plan_reads_the_answers_of_the_untaught_student(tmp_path: Path) -> None:
    fresh, stale = compiled(tmp_path, alone(TINY)), compiled(tmp_path, alone(STALE))
    assert [read(fresh, plan, "results") for plan in of(fresh, "plan")] == [
        {"student"},
        {"train"},
        {"train"},
    ]
    assert [read(stale, plan, "results") for plan in of(stale, "plan")] == [{"student"}] * 3
    # Its answers are asked for once, and those that nobody looks at never.
    assert len(of(fresh, "evaluate")) - len(of(stale, "evaluate")) == 2
    # What became of its requests it sees as ever.
    assert [any(item.slot == "yield" for item in plan.inputs) for plan in of(stale, "plan")] == [
        False,
        True,
        True,
    ]


def test_the_first_iteration_is_that_of_an_arm_that_watches_the_latest(tmp_path: Path) -> None:
    fresh, stale = compiled(tmp_path, alone(TINY)), compiled(tmp_path, alone(STALE))
    assert of(fresh, "plan")[0].id == of(stale, "plan")[0].id
    assert of(fresh, "train")[0].id == of(stale, "train")[0].id
    assert of(fresh, "train")[1].id != of(stale, "train")[1].id


def test_checks_ask_the_untaught_student_too(tmp_path: Path) -> None:
    for text, watched in ((TINY, {"train"}), (STALE, {"student"})):
        graph = compiled(tmp_path, alone(text, KNOWN))
        last, refill = of(graph, "check")[-2:]
        assert read(graph, last, "answers") == read(graph, refill, "answers") == watched


@pytest.mark.parametrize("said", ["student: latest}", "errors: 1}"])
def test_what_is_not_said_is_the_latest_and_moves_no_key(tmp_path: Path, said: str) -> None:
    text = TINY.replace("errors: 1}", said if said == "errors: 1}" else f"errors: 1, {said}", 1)
    assert keys(compiled(tmp_path, text)) == keys(compiled(tmp_path, TINY))


def test_a_loop_that_can_stop_is_watched_by_the_base_too(tmp_path: Path) -> None:
    stop = ("examples: 30, of: accepted, refill: 1}", "examples: 30}\n  stop: {patience: 1}")
    graph = compiled(tmp_path, alone(STALE, stop))
    assert [read(graph, plan, "results") for plan in of(graph, "plan")] == [{"student"}] * 3
    assert len(of(graph, "gate")) > 0
