"""What one arm has of another: the students that it watches, and the data that it is taught."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.passes.leakage import leakage, roles
from dataenvgym_spec.graph.ir import Graph, Stage
from tests.support.graphs import compiled, findings, keys
from tests.support.specs import tiny

SEEDS = {"run": [4, 7, 5]}
NEXT = {4: 7, 7: 5, 5: 4}
TENTH = {"data_from": {"arm": "with-state", "fraction": 0.1, "length": {"epochs": 30}}}
YOKED = {"agent": {"observe": {"student": {"arm": "with-state", "run": "next"}}}}
STOP = {"iterations": 3, "stop": {"patience": 1}}


def of(graph: Graph, arm: str, seed: int, kind: str) -> list[Stage]:
    return [
        stage
        for stage in graph.stages
        for use in stage.uses
        if (stage.kind, use.arm, use.seed) == (kind, arm, seed)
    ]


def read(stage: Stage, slot: str) -> list[str]:
    return [item.stage for item in stage.inputs if item.slot == slot]


# --- the data of another arm --------------------------------------------------------------------------------


def test_an_arm_is_taught_what_was_made_for_another_under_the_same_run_seed(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms={"tenth": TENTH}, seeds=SEEDS))
    for seed in SEEDS["run"]:
        ours, theirs = (of(graph, arm, seed, "train") for arm in ("tenth", "with-state"))
        assert [read(stage, "accepted") for stage in ours] == [
            read(stage, "accepted") for stage in theirs
        ]
        assert len({stage.id for stage in (*ours, *theirs)}) == 4
        assert [(stage.plain["fraction"], stage.plain["train"]["length"]) for stage in ours] == [
            (0.1, {"epochs": 30.0})
        ] * 2
        for kind in ("plan", "generate", "check"):  # shown in both, made once
            assert of(graph, "tenth", seed, kind) == of(graph, "with-state", seed, kind) != []
    assert leakage(graph) == []


def test_a_part_may_be_taught_for_as_many_steps_as_the_whole(tmp_path: Path) -> None:
    equal = {"data_from": {"arm": "with-state", "fraction": 0.1, "length": {"steps": "equal"}}}
    passes = {**equal, "student": {"train": {"length": {"epochs": 3}}}}
    graph = compiled(tmp_path, tiny(arms={"equal": equal, "passes": passes}))
    (fixed, *_), (by_passes, *_) = (of(graph, arm, 0, "train") for arm in ("equal", "passes"))
    # So many steps are as many for any amount, so that the key says nothing more.
    assert "steps" in fixed.plain["train"]["length"] and "equal_steps" not in fixed.plain
    assert by_passes.plain["train"]["length"] == {"epochs": 3.0}
    assert by_passes.plain["equal_steps"] is True


def test_it_costs_trainings_and_evaluations_and_moves_nothing(tmp_path: Path) -> None:
    before, after = compiled(tmp_path, tiny()), compiled(tmp_path, tiny(arms={"tenth": TENTH}))
    assert keys(before) < keys(after)
    new = [stage for stage in after.stages if stage.id not in keys(before)]
    assert {stage.kind for stage in new} == {"train", "evaluate", "select"}


def test_all_of_it_at_the_same_length_is_the_same_student(tmp_path: Path) -> None:
    same = compiled(tmp_path, tiny(arms={"copy": {"data_from": {"arm": "with-state"}}}))
    assert keys(same) == keys(compiled(tmp_path, tiny()))


def test_another_student_is_taught_what_was_made_for_the_first(tmp_path: Path) -> None:
    other = {"data_from": {"arm": "with-state"}, "student": {"model": {"layers": 2}}}
    graph = compiled(tmp_path, tiny(arms={"other": other}))
    (base, _), (mine, _) = (
        [read(stage, "base") for stage in of(graph, arm, 0, "train")]
        for arm in ("with-state", "other")
    )
    assert base != mine
    assert [read(stage, "accepted") for stage in of(graph, "other", 0, "train")] == [
        read(stage, "accepted") for stage in of(graph, "with-state", 0, "train")
    ]


def test_it_ends_where_the_other_arm_stops(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms={"tenth": TENTH}, loop=STOP))
    ours, theirs = (of(graph, arm, 0, "train") for arm in ("tenth", "with-state"))
    assert [read(stage, "gate") for stage in ours] == [read(stage, "gate") for stage in theirs]
    assert read(ours[2], "previous") == [ours[1].id]
    assert of(graph, "tenth", 0, "gate") == of(graph, "with-state", 0, "gate") != []
    assert leakage(graph) == []


def test_a_blind_arm_is_taught_nothing_that_was_made_by_watching(tmp_path: Path) -> None:
    """Whoever asks for it: what the other arm does with its own data is its own affair."""
    blind = {"agent": {"observe": "nothing"}}
    (found,) = findings(tmp_path, tiny(arms={"tenth": TENTH | blind}))
    assert found.code == "E301"
    assert found.message.startswith(
        "a student's behaviour reaches 'accepted' of train of arm 'tenth', which observes nothing: "
    )
    assert found.span is not None and found.span.text.strip().startswith("arm: with-state")
    copy = {"data_from": {"arm": "with-state"}} | blind  # shares its trainings with that arm
    (found,) = findings(tmp_path, tiny(arms={"copy": copy}))
    assert "train of arm 'copy'" in found.message
    assert (
        findings(tmp_path, tiny(arms={"tenth": {"data_from": {"arm": "no-state"}} | blind})) == ()
    )


# --- the students of another run ----------------------------------------------------------------------------


def test_a_yoked_run_sees_the_next_run_of_the_arm_that_it_is_yoked_to(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms={"yoked": YOKED}, seeds=SEEDS))
    stages = graph.by_id()
    for seed in SEEDS["run"]:
        first, second = of(graph, "yoked", seed, "plan")
        taught = of(graph, "with-state", NEXT[seed], "train")[0]
        for plan, students in ((first, {"student"}), (second, {"train"})):
            seen = [stages[key] for key in read(plan, "results")]
            assert {
                stages[key].kind for stage in seen for key in read(stage, "student")
            } == students
        watched = {key for name in read(second, "results") for key in read(stages[name], "student")}
        assert watched == {taught.id}
        # It is an evaluation of that student, and is shown as one of that arm and run.
        uses = {
            (use.arm, use.seed) for name in read(second, "results") for use in stages[name].uses
        }
        assert uses == {("with-state", NEXT[seed])}
        own = of(graph, "yoked", seed, "train")
        assert taught.id not in {stage.id for stage in own}
    assert leakage(graph) == []
    carried = roles(graph)
    assert "student" in carried[of(graph, "yoked", 4, "train")[0].id, "student"]


def test_what_it_reads_of_itself_is_what_became_of_its_requests(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms={"yoked": YOKED}, seeds=SEEDS))
    _, plan = of(graph, "yoked", 4, "plan")
    checks = {stage.id for stage in of(graph, "yoked", 4, "check")}
    assert {*read(plan, "yield"), *read(plan, "state")} & checks
    assert not checks & {stage.id for stage in of(graph, "with-state", 4, "check")[2:]}


def test_nothing_else_gets_in_by_the_edges_of_a_yoked_arm(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(arms={"yoked": YOKED}, seeds=SEEDS))
    sealed = [
        stage
        for stage in graph.stages
        if {"test", "selection"} & set(stage.ports)
        and (stage.kind == "data" or stage.uses[0].iteration == 0)
    ]
    tried = 0
    for kind in ("plan", "generate", "check", "train"):
        stage = of(graph, "yoked", 4, kind)[-1]
        for index, source in product(range(len(stage.inputs)), sealed):
            edge = replace(stage.inputs[index], stage=source.id, port=source.ports[0])
            inputs = (*stage.inputs[:index], edge, *stage.inputs[index + 1 :])
            changed = [replace(one, inputs=inputs) if one is stage else one for one in graph.stages]
            tried += 1
            assert any(leak.reader.id == stage.id for leak in leakage(Graph(stages=tuple(changed))))
    assert tried > 60


def test_a_yoked_arm_moves_nothing_of_the_others(tmp_path: Path) -> None:
    before = compiled(tmp_path, tiny(seeds=SEEDS))
    after = compiled(tmp_path, tiny(arms={"yoked": YOKED}, seeds=SEEDS))
    assert keys(before) < keys(after)


def test_checks_and_students_of_another_size_are_asked_as_their_arm_asks(tmp_path: Path) -> None:
    arms: dict[str, Any] = {
        "yoked": {"agent": YOKED["agent"] | {"checks": {"known": {"action": "reject"}}}}
        | {"student": {"generate": {"max_new_tokens": 9}}},
        "with-state": {"student": {"train": {"adapter": {"kind": "lora", "r": 4}}}},
    }
    graph = compiled(tmp_path, tiny(arms=arms, seeds=SEEDS, analysis=None))
    stages = graph.by_id()
    _, plan = of(graph, "yoked", 4, "plan")
    for name in read(plan, "results"):
        assert stages[name].plain["generate"]["max_new_tokens"] == 5
        assert len(read(stages[name], "base")) == 1  # an adapter comes with its base
    answers = of(graph, "yoked", 4, "check")[-1]
    (asked,) = read(answers, "answers")
    assert read(stages[asked], "student") == [of(graph, "with-state", 7, "train")[0].id]


# --- what cannot be -----------------------------------------------------------------------------------------

CANNOT: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"arms": {"tenth": {"data_from": {"arm": "with-stat"}}}}, "E201 there is no arm 'with-stat'"),
    "itself": ({"arms": {"tenth": {"data_from": {"arm": "tenth"}}}}, "E204 'tenth' is this arm itself"),
    "no data": (
        {"arms": {"tenth": TENTH, "more": {"data_from": {"arm": "tenth"}}}},
        "E204 the agent of 'tenth' makes no data: it is taught that of another arm",
    ),
    "too long": (
        {"arms": {"tenth": TENTH | {"loop": {"iterations": 3}}}},
        "E204 'with-state' runs 2 iterations, and this arm 3",
    ),
    "stops": (
        {"arms": {"tenth": TENTH | {"loop": {"iterations": 3, "stop": {"patience": 1}}}}, "loop": {"iterations": 3}},
        "E204 data of 'with-state' ends when that arm stops, whatever 'stop' says here",
    ),
    "equal": (
        {"arms": {"tenth": TENTH}, "loop": {"teach": {"equal": True}}},
        "E204 amounts cannot be equal in an arm that is taught another arm's data",
    ),
    "one seed": (
        {"arms": {"yoked": YOKED}},
        "E204 there is no other run of 'with-state' to watch: the spec has one run seed",
    ),
    "too few": (
        {"arms": {"yoked": YOKED | {"loop": {"iterations": 4}}}, "seeds": SEEDS},
        "E204 'with-state' runs 2 iterations, and this arm 4",
    ),
    "yoked to nobody": (
        {"arms": {"yoked": {"agent": {"observe": {"student": {"arm": "nobody"}}}}}, "seeds": SEEDS},
        "E201 there is no arm 'nobody'",
    ),
    "taught, and yoked to nobody": (
        {"arms": {"tenth": TENTH | {"agent": {"observe": {"student": {"arm": "nobody"}}}}}, "seeds": SEEDS},
        "E201 there is no arm 'nobody'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CANNOT)
def test_what_cannot_be_is_said_at_the_name(name: str, tmp_path: Path) -> None:
    sections, wanted = CANNOT[name]
    said = {f"{found.code} {found.message}" for found in findings(tmp_path, tiny(**sections))}
    assert said == {wanted}


def test_a_circle_is_told_with_its_way(tmp_path: Path) -> None:
    arms = {"yoked": YOKED, "with-state": {"agent": {"observe": {"student": {"arm": "yoked"}}}}}
    said = [found.message for found in findings(tmp_path, tiny(arms=arms, seeds=SEEDS))]
    assert sorted(said) == [
        "arms go round in a circle: with-state -> yoked -> with-state",
        "arms go round in a circle: yoked -> with-state -> yoked",
    ]
