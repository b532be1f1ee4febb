"""Trainers that judge: what is in their stages, and that a blind arm may have them."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.passes.leakage import leakage, roles
from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled
from tests.support.specs import tiny


def trainings(folder: Path, method: Any) -> tuple[Graph, dict[str, list[Stage]]]:
    """A graph, and its trainings by arm."""
    loop = {"start_from": "previous"}
    # Heads that vLLM takes.
    student = {"model": {"hidden_size": 64, "heads": 2}, "train": {"method": method}}
    graph = compiled(folder, tiny(student=student, loop=loop))
    arms: dict[str, list[Stage]] = {}
    for stage in graph.stages:
        if stage.kind == "train":
            arms.setdefault(stage.uses[0].arm, []).append(stage)
    return graph, arms


@pytest.mark.parametrize("kind", ["dpo", "kto", "grpo"])
def test_the_scorer_is_in_the_key_and_a_blind_arm_stays_blind(kind: str, tmp_path: Path) -> None:
    """The student answers in its own training, which reads what any training does."""
    plain_graph, plain = trainings(tmp_path, "sft")
    graph, arms = trainings(tmp_path, kind)
    assert leakage(graph) == leakage(plain_graph) == []
    assert "no-state" in arms, "an arm that observes nothing"
    carried, usual = roles(graph), roles(plain_graph)
    for arm, stages in arms.items():
        for stage, before in zip(stages, plain[arm], strict=True):
            assert stage.plain["score"]["kind"] == "reasoning-gym"
            assert stage.plain["train"]["method"]["kind"] == kind
            assert "score" not in before.plain
            slots = [(item.slot, item.port) for item in stage.inputs]
            assert slots == [(item.slot, item.port) for item in before.inputs]
            assert carried[stage.id, "student"].keys() == usual[before.id, "student"].keys()
    (last, _), (first, _) = arms["no-state"][-1:] * 2, arms["with-state"][-1:] * 2
    assert "student" in carried[first.id, "student"]
    assert "student" not in carried[last.id, "student"]


def test_another_scorer_is_another_training_where_it_judges(tmp_path: Path) -> None:
    exact = {"task": {"score": {"kind": "exact-match"}}}
    for method, same in (("sft", True), ("dpo", False)):
        keys = []
        for more in ({}, exact):
            graph = compiled(tmp_path, tiny(student={"train": {"method": method}}, **more))
            (first,) = [
                stage for stage in graph.stages if stage.kind == "train" and "score" in stage.plain
            ][:1] or [None]
            keys.append(None if first is None else first.plain["score"]["kind"])
        assert keys == ([None, None] if same else ["reasoning-gym", "exact-match"])


def test_what_draws_the_answers_that_are_rewarded_is_in_the_key(tmp_path: Path) -> None:
    keys = []
    for more in ({}, {"sampler": "vllm"}):
        graph, _ = trainings(tmp_path, {"kind": "grpo", **more})
        (first, *_) = [stage for stage in graph.stages if stage.kind == "train"]
        assert first.plain["train"]["method"].get("sampler") == more.get("sampler")
        keys.append(first.id)
    assert keys[0] != keys[1]
