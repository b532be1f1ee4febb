"""Equal amounts for arms: what a training reads of the other arms, and what enters its key."""

from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest

from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled, keys
from tests.support.specs import tiny

ARMS = {
    "with-state": {},
    "no-state": {"agent": {"observe": "nothing"}},
    "greedy": {"agent": {"policy": {"power": 2.0}}},
}
EQUAL = {"iterations": 2, "teach": {"examples": 30, "refill": 1, "equal": True}}


def trainings(graph: Graph) -> dict[tuple[str, int], Stage]:
    """The training stages by arm and iteration."""
    found = {}
    for stage in graph.stages:
        if stage.kind == "train":
            for use in stage.uses:
                found[use.arm, use.iteration or 0] = stage
    return found


def test_a_training_reads_the_last_yield_of_the_other_arms(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms=ARMS, loop=EQUAL))
    stages = graph.by_id()
    for (arm, iteration), stage in trainings(graph).items():
        reads = [item for item in stage.inputs if item.slot == "others"]
        assert stage.plain["rounds"] == 2
        places = []
        for item in reads:
            (use,) = stages[item.stage].uses
            assert (item.port, use.what) == ("yield", "check, refill 1")
            places.append((use.iteration, use.arm))
        others = set(ARMS) - {arm}
        wanted = [(number, other) for number in range(1, iteration + 1) for other in others]
        assert Counter(places) == Counter(wanted)
        assert [number for number, _ in places] == sorted(number for number, _ in places)


def test_each_stage_comes_after_what_it_reads(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms=ARMS, loop=EQUAL, seeds={"run": [0, 1]}))
    seen: set[str] = set()
    for stage in graph.stages:
        assert {item.stage for item in stage.inputs} <= seen
        seen.add(stage.id)


def test_neither_names_nor_order_of_arms_enter_a_key(tmp_path: Path) -> None:
    first = keys(compiled(tmp_path, tiny(arms=ARMS, loop=EQUAL)))
    for number, order in enumerate(permutations(ARMS)):
        arms: dict[str, object] = {f"arm{number}-{name}": ARMS[name] for name in order}
        text = tiny(
            arms={**dict.fromkeys(("with-state", "no-state")), **arms}, loop=EQUAL, analysis=None
        )
        assert keys(compiled(tmp_path, text)) == first


def test_only_trainings_and_what_follows_have_other_keys(tmp_path: Path) -> None:
    plain = compiled(tmp_path, tiny(arms=ARMS))
    equal = compiled(tmp_path, tiny(arms=ARMS, loop=EQUAL))
    assert all("rounds" not in stage.plain for stage in trainings(plain).values())
    shared = keys(plain) & keys(equal)
    first = [stage for stage in equal.stages for use in stage.uses if use.iteration in (0, 1)]
    before = {stage.id for stage in first if stage.kind in ("plan", "generate", "check", "data")}
    assert before <= shared
    assert not {stage.id for stage in trainings(equal).values()} & shared


def test_the_latest_iteration_reads_its_own_yields_alone(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms=ARMS, loop={**EQUAL, "train_on": "latest"}))
    for stage in trainings(graph).values():
        assert sum(item.slot == "others" for item in stage.inputs) == 2


@pytest.mark.parametrize("value", [None, False])
def test_what_is_not_asked_for_changes_nothing(tmp_path: Path, value: bool | None) -> None:
    text = tiny(loop={"teach": {"equal": value}})
    assert keys(compiled(tmp_path, text)) == keys(compiled(tmp_path, tiny()))
