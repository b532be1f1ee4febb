"""Several rounds of the agent between two trainings."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.compile.passes.leakage import leakage
from dataenvgym_spec.compile.rules.size import size
from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled, keys
from tests.support.specs import TREE, tiny

ALONE: dict[str, Any] = {
    "arms": {"main": {}, "no-state": None, "with-state": None},
    "analysis": None,
}
SEEDS = {"run": [4, 7]}
AGENT = ("plan", "generate", "check")


def of(graph: Graph, kind: str, arm: str = "main", seed: int = 0) -> list[Stage]:
    """The stages of a kind, in order."""
    return [
        stage
        for stage in graph.stages
        if stage.kind == kind and any((use.arm, use.seed) == (arm, seed) for use in stage.uses)
    ]


def at(stage: Stage) -> tuple[int | None, str]:
    return stage.uses[0].iteration, stage.uses[0].what


def read(stage: Stage, slot: str) -> list[str]:
    return [item.stage for item in stage.inputs if item.slot == slot]


def looping(folder: Path, loop: dict[str, Any], **sections: Any) -> Graph:
    """The graph of one arm."""
    return compiled(folder, tiny(**ALONE, loop=loop, **sections))


def test_a_later_round_knows_what_the_earlier_ones_decided_and_got(tmp_path: Path) -> None:
    graph = looping(tmp_path, {"rounds": 3, "iterations": 2})
    plans, checks = of(graph, "plan"), of(graph, "check")
    assert [at(plan) for plan in plans] == [
        (1, "plan"),
        (1, "plan, round 2"),
        (1, "plan, round 3"),
        (2, "plan"),
        (2, "plan, round 2"),
        (2, "plan, round 3"),
    ]
    assert [plan.plain.get("agent_round") for plan in plans] == [None, 2, 3] * 2
    last = {plan: check for check in checks for plan in read(check, "plan")}
    for before, plan in pairwise(plans):
        assert read(plan, "state") == [before.id]
        assert read(plan, "yield") == [last[before.id].id]  # of the last refill
    # Whatever was accepted before, in this iteration or another, is no new example.
    for number, check in enumerate(checks):
        assert read(check, "accepted") == [earlier.id for earlier in checks[:number]]
    assert [read(stage, "accepted") for stage in of(graph, "train")] == [
        [check.id for check in checks[:6]],
        [check.id for check in checks],
    ]
    assert leakage(graph) == []


def test_the_student_is_not_evaluated_anew(tmp_path: Path) -> None:
    graph = looping(tmp_path, {"rounds": 3})
    seen = [read(plan, "results") for plan in of(graph, "plan")]
    assert seen == [seen[0]] * 3 + [seen[3]] * 3 and seen[0] != seen[3]
    assert len(of(graph, "evaluate")) == len(of(looping(tmp_path, {"rounds": 1}), "evaluate"))


def test_rounds_share_the_amount_and_make_other_examples(tmp_path: Path) -> None:
    graph = looping(tmp_path, {"rounds": 4, "iterations": 1, "teach": {"examples": 30}})
    assert [plan.plain["amount"] for plan in of(graph, "plan")] == [8, 8, 7, 7]
    places = [
        (stage.plain.get("agent_round"), stage.plain["round"]) for stage in of(graph, "generate")
    ]
    assert places == list(product((None, 2, 3, 4), (0, 1)))


def test_the_first_round_is_that_of_a_loop_without_rounds(tmp_path: Path) -> None:
    alone = looping(tmp_path, {"iterations": 1, "teach": {"examples": 10}})
    graph = looping(tmp_path, {"iterations": 1, "rounds": 3, "teach": {"examples": 30}})
    mine = {stage.id for kind in AGENT for stage in of(graph, kind)}
    assert {stage.id for kind in AGENT for stage in of(alone, kind)} < mine
    said, unsaid = (compiled(tmp_path, tiny(loop=loop)) for loop in ({"rounds": 1}, {}))
    assert keys(said) == keys(unsaid)


@pytest.mark.parametrize("train_on", ["all", "latest"])
@pytest.mark.parametrize("start_from", ["base", "previous"])
def test_what_a_training_reads(train_on: str, start_from: str, tmp_path: Path) -> None:
    loop = {"rounds": 2, "iterations": 3, "train_on": train_on, "start_from": start_from}
    graph = looping(tmp_path, {**loop, "teach": {"refill": 0}})
    checks, trainings = [check.id for check in of(graph, "check")], of(graph, "train")
    for number, stage in enumerate(trainings):
        first = 2 * number if train_on == "latest" else 0
        assert read(stage, "accepted") == checks[first : 2 * number + 2]
    goes_on = start_from == "previous"
    previous = [[stage.id] if goes_on else [] for stage in trainings[:-1]]
    assert [read(stage, "previous") for stage in trainings] == [[], *previous]
    assert leakage(graph) == []


@pytest.mark.parametrize("train_on", ["all", "latest"])
def test_one_shot_is_one_training_after_all_rounds(train_on: str, tmp_path: Path) -> None:
    graph = looping(tmp_path, {"rounds": 3, "iterations": 1, "train_on": train_on})
    (training,) = of(graph, "train")
    assert read(training, "accepted") == [check.id for check in of(graph, "check")]
    assert len(read(training, "accepted")) == 6


def test_a_loop_that_stops_passes_every_round_through(tmp_path: Path) -> None:
    graph = looping(tmp_path, {"rounds": 2, "iterations": 3, "stop": {"patience": 1}})
    (gate,) = of(graph, "gate")
    third = [stage for stage in graph.stages if stage.uses[0].iteration == 3]
    gated = [stage for stage in third if stage.kind != "gate"]
    assert Counter(stage.kind for stage in gated if stage.kind in AGENT) == {
        "plan": 2,
        "generate": 4,
        "check": 4,
    }
    assert all(read(stage, "gate") == [gate.id] for stage in gated)
    # What a plan that is passed through repeats is the one state that it reads.
    assert {len(read(plan, "state")) for plan in of(graph, "plan")[1:]} == {1}


def test_checks_ask_the_same_student_about_every_round(tmp_path: Path) -> None:
    graph = looping(tmp_path, {"rounds": 2}, agent={"checks": {"known": {"action": "reject"}}})
    stages = graph.by_id()
    for number in (1, 2):
        asked = [
            stages[key]
            for check in of(graph, "check")
            if at(check)[0] == number
            for key in read(check, "answers")
        ]
        assert len({stage.id for stage in asked}) == 4
        assert len({read(stage, "student")[0] for stage in asked}) == 1


def test_an_arm_that_watches_the_base_or_another_run_sees_that_in_every_round(
    tmp_path: Path,
) -> None:
    yoked = {"observe": {"student": {"arm": "with-state", "run": "next"}}}
    arms = {"stale": {"agent": {"observe": {"student": "base"}}}, "yoked": {"agent": yoked}}
    graph = compiled(tmp_path, tiny(arms=arms, loop={"rounds": 2}, seeds=SEEDS))
    stale = {tuple(read(plan, "results")) for plan in of(graph, "plan", "stale", 4)}
    assert len(stale) == 1
    own = [read(plan, "results") for plan in of(graph, "plan", "with-state", 7)]
    assert [read(plan, "results") for plan in of(graph, "plan", "yoked", 4)] == own
    assert leakage(graph) == []


def test_data_of_another_arm_is_that_of_all_its_rounds(tmp_path: Path) -> None:
    tenth = {"data_from": {"arm": "with-state", "fraction": 0.1}}
    latest = {"rounds": 2, "train_on": "latest"}
    graph = compiled(tmp_path, tiny(arms={"tenth": tenth}, loop=latest))
    ours, theirs = (of(graph, "train", arm) for arm in ("tenth", "with-state"))
    reads = [read(stage, "accepted") for stage in ours]
    assert reads == [read(stage, "accepted") for stage in theirs]
    assert [len(each) for each in reads] == [4, 4]
    for kind in AGENT:
        assert of(graph, kind, "tenth") == of(graph, kind, "with-state") != []


def test_equal_amounts_count_every_round_of_every_arm(tmp_path: Path) -> None:
    arms = {"with-state": {"loop": {"rounds": 3}}, "often": {"loop": {"rounds": 2}}}
    graph = compiled(tmp_path, tiny(arms=arms, loop={"teach": {"equal": True}}))
    stages = graph.by_id()
    for arm, rounds in (("with-state", 3), ("often", 2), ("no-state", 1)):
        first, second = of(graph, "train", arm)
        assert first.plain["rounds"] == 2 * rounds
        assert sorted([*first.plain["yields"], rounds]) == [1, 2, 3]
        others = [stages[key].uses[0] for key in read(second, "others")]
        assert all("refill 1" in use.what for use in others)  # what was given in the end
        counts = Counter((use.arm, use.iteration) for use in others)
        wanted = {"with-state": 3, "often": 2, "no-state": 1}
        del wanted[arm]
        assert counts == {(o, number): n for o, n in wanted.items() for number in (1, 2)}
        # One after the other, as the training adds them up.
        runs = [use.arm for use in others if use.iteration == 1]
        told = [n for n in first.plain["yields"] for _ in range(n)]
        assert [wanted[name] for name in runs] == told
    assert leakage(graph) == []


@pytest.mark.parametrize("kind", ["allocate", "threshold"])
def test_a_blind_arm_is_blind_in_every_round(kind: str, tmp_path: Path) -> None:
    text = tiny(loop={"rounds": 2})
    if kind == "threshold":
        text = tiny(
            loop={"rounds": 2},
            environment=yaml.safe_load(TREE),
            agent={"policy": {"kind": kind, "power": None, "floor": None}},
        )
    graph = compiled(tmp_path, text)
    assert leakage(graph) == []
    blind = of(graph, "plan", "no-state")[-1]
    assert at(blind) == (2, "plan, round 2")
    assert [item.slot for item in blind.inputs] == ["state", "skills"]


def test_every_edge_of_a_later_round_is_guarded(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(loop={"rounds": 2, "iterations": 1}))
    test, base = (
        next(stage for stage in graph.stages if at(stage) == place)
        for place in ((None, "draw the test split"), (0, "evaluate on feedback"))
    )
    tried = 0
    for arm, source, port in (
        ("with-state", test, "test"),
        ("no-state", test, "test"),
        ("no-state", base, "hidden"),
    ):
        later = [
            stage for kind in AGENT for stage in of(graph, kind, arm) if "round" in at(stage)[1]
        ]
        edges = [(stage, n) for stage in later for n in range(len(stage.inputs))]
        for stage, index in edges:
            edge = replace(stage.inputs[index], stage=source.id, port=port)
            inputs = (*stage.inputs[:index], edge, *stage.inputs[index + 1 :])
            changed = [replace(one, inputs=inputs) if one is stage else one for one in graph.stages]
            tried += 1
            leaks = leakage(Graph(stages=tuple(changed)))
            assert any(leak.reader.id == stage.id for leak in leaks), (at(stage), edge)
    assert tried > 50


def test_the_size_of_a_graph_is_estimated_with_its_rounds(tmp_path: Path) -> None:
    loop = {"rounds": 4, "iterations": 3, "teach": {"refill": 2}}
    graph = looping(tmp_path, loop)
    (spec,) = front_end([tmp_path / "spec.yaml"], root=tmp_path)
    estimated = size(spec.arms[0])
    assert abs(estimated.stages - len(graph.stages)) <= 4
    read_ports = sum(len(stage.inputs) for stage in graph.stages)
    assert 0.5 < estimated.reads / read_ports < 2
