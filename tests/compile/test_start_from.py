"""A loop whose trainings start from the student of the iteration before."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.passes.leakage import leakage, roles
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.questions.cost.size import units
from tests.support.graphs import compiled, keys
from tests.support.specs import tiny

ALONE: dict[str, Any] = {
    "arms": {"main": {}, "no-state": None, "with-state": None},
    "analysis": None,
}


def trainings(folder: Path, **sections: Any) -> tuple[Graph, list[Stage]]:
    graph = compiled(folder, tiny(**ALONE, **sections))
    return graph, [stage for stage in graph.stages if stage.kind == "train"]


def by_id(graph: Graph) -> dict[str, Stage]:
    return {stage.id: stage for stage in graph.stages}


def read(stage: Stage, slot: str) -> list[str]:
    return [item.stage for item in stage.inputs if item.slot == slot]


def test_every_training_starts_from_the_one_before(tmp_path: Path) -> None:
    loop = {"iterations": 3, "start_from": "previous", "train_on": "latest"}
    graph, (first, second, third) = trainings(tmp_path, loop=loop)
    assert [read(stage, "previous") for stage in (first, second, third)] == [
        [],
        [first.id],
        [second.id],
    ]
    assert [stage.plain.get("start") for stage in (first, second, third)] == [
        None,
        "previous",
        "previous",
    ]
    assert leakage(graph) == []
    # What the first student was taught is in the last one, whatever that one was taught itself.
    assert {"student", "hidden"} <= set(roles(graph)[third.id, "student"])


def test_a_replay_reads_earlier_examples_and_says_which_are_new(tmp_path: Path) -> None:
    loop = {"iterations": 3, "start_from": "previous", "train_on": "latest"}
    epochs = {"train": {"length": {"steps": None, "epochs": 1}}}
    _, plain = trainings(tmp_path, loop=loop, student=epochs)
    graph, stages = trainings(tmp_path, loop={**loop, "replay": 0.25}, student=epochs)
    all_graph, whole = trainings(tmp_path, loop={**loop, "train_on": "all"}, student=epochs)
    assert leakage(graph) == []
    assert stages[0].id == plain[0].id, "nothing is earlier"
    for stage, everything, number in zip(stages[1:], whole[1:], (2, 3), strict=True):
        assert len(read(stage, "accepted")) == len(read(everything, "accepted"))
        latest = len(read(stage, "accepted")) // number
        assert stage.plain["replay"] == {"fraction": 0.25, "latest": latest}
        examples = units(everything, by_id(all_graph)) / number
        assert units(stage, by_id(graph)) == examples * (1 + 0.25 * (number - 1))


def test_the_first_iteration_is_that_of_a_loop_that_starts_from_the_base(tmp_path: Path) -> None:
    _, ours = trainings(tmp_path, loop={"start_from": "previous"})
    _, theirs = trainings(tmp_path, loop={"start_from": "base"})
    assert ours[0].id == theirs[0].id
    assert ours[1].id != theirs[1].id
    said, unsaid = tiny(loop={"start_from": "base"}), tiny()
    assert keys(compiled(tmp_path, said)) == keys(compiled(tmp_path, unsaid))


@pytest.mark.parametrize("start", ["base", "previous"])
def test_after_a_stop_the_last_student_is_passed_through(start: str, tmp_path: Path) -> None:
    """The gate has one student to pass on, which is the one that training would start from."""
    loop = {"iterations": 3, "start_from": start, "stop": {"patience": 1}}
    graph, (_, second, third) = trainings(tmp_path, loop=loop)
    assert read(third, "previous") == [second.id]
    assert len(read(third, "gate")) == 1
    assert third.plain.get("start") == (None if start == "base" else start)
    assert leakage(graph) == []
