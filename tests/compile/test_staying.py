"""Trainings whose agent may ask for nothing: the student before stays where no example is new."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled
from tests.support.specs import TREE, tiny

ALTERNATING = {"environment": yaml.safe_load(TREE), "agent": {"policy": {"kind": "alternating"}}}


def trainings(graph: Graph, arm: str) -> list[Stage]:
    return [
        one
        for one in graph.stages
        if one.kind == "train" and any(use.arm == arm for use in one.uses)
    ]


@pytest.mark.parametrize("loop", [{}, {"rounds": 2}, {"train_on": "latest"}])
def test_each_training_but_the_first_knows_the_student_before(
    loop: dict[str, Any], tmp_path: Path
) -> None:
    arms = {"tree": ALTERNATING, "lent": {"data_from": {"arm": "tree", "length": {"steps": 9}}}}
    graph = compiled(tmp_path, tiny(arms=arms, loop={"iterations": 3, **loop}))
    for arm in ("tree", "lent"):
        first, *later = trainings(graph, arm)
        assert first.params.plain.get("latest") is None
        before = first
        for stage in later:
            (previous,) = [one.stage for one in stage.inputs if one.slot == "previous"]
            taught = [one.stage for one in stage.inputs if one.slot == "accepted"]
            latest = stage.params.plain["latest"]
            known = graph.by_id()
            numbers = [known[name].uses[0].iteration for name in taught]
            assert previous == before.id and 0 < latest <= len(taught)
            assert numbers.index(stage.uses[0].iteration) == len(taught) - latest
            before = stage
    assert not any(one.slot == "previous" for one in trainings(graph, "with-state")[-1].inputs)
