"""The noise floor: copies of one student's stages, in no other key, and read by nobody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.compile.passes.leakage import leakage
from dataenvgym_spec.emit.index import index
from dataenvgym_spec.graph.ir import Graph, Stage
from dataenvgym_spec.records.experiment import Copies, Copy
from tests.support.graphs import compiled, findings, keys, rewired
from tests.support.specs import TINY, tiny

NOISE = {"reevaluate": 2, "retrain": 1}
LORA = {"student": {"train": {"adapter": {"kind": "lora", "r": 4}}}}


def copies(graph: Graph) -> dict[str, Stage]:
    """The stages of the noise floor by what they do."""
    return {use.what: stage for stage in graph.stages for use in stage.uses if use.copy is not None}


def test_copies_are_stages_of_their_own_that_move_no_key(tmp_path: Path) -> None:
    before, graph = compiled(tmp_path, TINY), compiled(tmp_path, tiny(noise=NOISE))
    assert keys(before) < keys(graph)
    made = copies(graph)
    assert {name: (stage.kind, stage.plain.get("salt")) for name, stage in made.items()} == {
        "evaluate iteration 2 on selection again 1": ("evaluate", 1),
        "evaluate iteration 2 on selection again 2": ("evaluate", 2),
        "train iteration 2 again 1": ("train", 1),
        "evaluate iteration 2 on selection trained again 1": ("evaluate", None),
    }
    assert keys(graph) - keys(before) == {stage.id for stage in made.values()}
    assert not any("salt" in stage.plain for stage in before.stages)
    assert {use.label() for stage in made.values() for use in stage.uses} >= {
        "with-state, train iteration 2 again 1"
    }
    read = {item.stage for stage in graph.stages for item in stage.inputs}
    assert {name for name, stage in made.items() if stage.id in read} == {
        "train iteration 2 again 1"
    }
    assert leakage(graph) == []


def test_a_copy_does_what_the_students_own_stage_does(tmp_path: Path) -> None:
    """Of an adapter, too, which is evaluated with the base that it adapts."""
    graph = compiled(tmp_path, tiny(noise={**NOISE, "of": "no-state", "iteration": 1}, **LORA))
    own = {}
    for stage in graph.stages:
        for use in stage.uses:
            if (use.arm, use.iteration, use.copy) == ("no-state", 1, None):
                own[use.what] = stage
    made = copies(graph)
    again = made["evaluate iteration 1 on selection again 1"]
    real, train = own["evaluate on selection"], own["train"]
    assert again.inputs == real.inputs
    assert {**again.plain, "salt": 1} == {**real.plain, "salt": 1}
    copied = made["train iteration 1 again 1"]
    assert (copied.inputs, copied.plain) == (train.inputs, {**train.plain, "salt": 1})
    judged = made["evaluate iteration 1 on selection trained again 1"]
    assert judged.plain == real.plain
    assert [item for item in judged.inputs if item.slot != "student"] == [
        item for item in real.inputs if item.slot != "student"
    ]
    assert [item.stage for item in judged.inputs if item.slot == "student"] == [copied.id]


def test_copies_answer_the_test_only_where_the_spec_says_so(tmp_path: Path) -> None:
    """Then the student itself does, too: if it is not best or last, nobody else would ask it."""
    text = tiny(noise={**NOISE, "split": "test", "iteration": 1})
    graph = compiled(tmp_path, text)
    made = copies(graph)
    own = made["evaluate iteration 1 on test"]
    assert own.uses[0].copy == Copy(of="student")
    assert "salt" not in own.plain
    splits = {tuple(one.plain["splits"]) for one in made.values() if one.kind == "evaluate"}
    assert splits == {("test",)}
    # It is what a spec asks for that has every student answer the test.
    each = compiled(tmp_path, tiny(test={"evaluate": "each"}))
    assert own.id in keys(each)
    assert leakage(graph) == []
    selection = copies(compiled(tmp_path, tiny(noise=NOISE)))
    assert not [one for one in selection.values() if "test" in one.plain.get("splits", ())]


@pytest.mark.parametrize(
    ("loop", "iteration"),
    [({}, 2), ({"iterations": 5, "stop": {"patience": 2}}, 3), ({"stop": {"patience": 4}}, 2)],
)
def test_the_student_is_one_that_there_is_in_any_case(
    loop: Mapping[str, Any], iteration: int, tmp_path: Path
) -> None:
    """A training that was not needed would be copied without any training, to no noise at all."""
    graph = compiled(tmp_path, tiny(noise=NOISE, loop=loop))
    (entry,) = graph.entries
    assert entry.index.noise == Copies(
        arm="with-state", seed=0, iteration=iteration, split="selection", reevaluate=2, retrain=1
    )
    assert not [
        item for one in copies(graph).values() for item in one.inputs if item.slot == "gate"
    ]


def test_copies_of_equal_amounts_read_what_the_student_was_cut_by(tmp_path: Path) -> None:
    text = tiny(noise=NOISE, loop={"teach": {"equal": True}})
    trained = copies(compiled(tmp_path, text))["train iteration 2 again 1"]
    assert [item for item in trained.inputs if item.slot == "others"]


def test_the_index_names_copies_and_is_what_it_was_without(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(noise=NOISE))
    (entry,) = graph.entries
    content = json.loads(index(entry, graph))
    assert content["noise"]["iteration"] == 2
    uses = [use for stage in content["stages"] for use in stage["uses"]]
    copied = [use for use in uses if "copy" in use]
    assert {(use["copy"]["of"], use["copy"]["number"]) for use in copied} == {
        ("reevaluate", 1),
        ("reevaluate", 2),
        ("retrain", 1),
    }
    assert {use["iteration"] for use in copied} == {None}
    bare = compiled(tmp_path, TINY)
    text = index(bare.entries[0], bare)
    assert '"copy"' not in text and '"noise"' not in text


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    reevaluate=st.integers(0, 3),
    retrain=st.integers(0, 3),
    arm=st.sampled_from(["with-state", "no-state", None]),
    iteration=st.integers(1, 2) | st.none(),
    split=st.sampled_from(["selection", "test"]),
)
def test_no_noise_moves_any_other_key(
    tmp_path: Path,
    reevaluate: int,
    retrain: int,
    arm: str | None,
    iteration: int | None,
    split: str,
) -> None:
    if not reevaluate and not retrain:
        return
    noise = {"reevaluate": reevaluate, "retrain": retrain, "of": arm}
    noise |= {"iteration": iteration, "split": split}
    asked = {key: value for key, value in noise.items() if value is not None}
    before, graph = compiled(tmp_path, TINY), compiled(tmp_path, tiny(noise=asked))
    made = {stage.id for stage in copies(graph).values()}
    own = {stage.id for stage in graph.stages for use in stage.uses if use.copy is None}
    assert own == keys(before)
    assert not made & keys(before)
    assert len(made) == reevaluate + 2 * retrain + (split == "test")


def test_more_copies_keep_those_there_are(tmp_path: Path) -> None:
    few = compiled(tmp_path, tiny(noise=NOISE))
    assert keys(few) < keys(compiled(tmp_path, tiny(noise={"reevaluate": 3, "retrain": 4})))


def test_nothing_may_read_a_copy_but_whoever_asks_a_copied_student(tmp_path: Path) -> None:
    """Every edge of the graph is rewired to every copy: what comes of one is refused by all that could select or teach."""
    graph = compiled(tmp_path, tiny(noise={"reevaluate": 1, "retrain": 1}))
    made = copies(graph)
    tried = legal = 0
    for copy in made.values():
        (port,) = copy.ports
        for stage in graph.stages:
            for number, item in enumerate(stage.inputs):
                changed = rewired(graph, stage, number, copy, port) if stage is not copy else None
                if changed is None:
                    continue
                tried += 1
                if not leakage(changed):
                    legal += 1
                    readers = {one.kind for one in graph.stages for read in one.inputs if read.stage == stage.id}  # fmt: skip
                    # A copied student may answer where nobody reads the answers.
                    assert (copy.kind, stage.kind, item.slot) in {
                        ("train", "evaluate", "student"),
                        ("evaluate", "evaluate", "student"),
                    }
                    assert not readers
    assert tried > 100 > legal > 0


def test_a_copy_that_is_selected_from_is_told(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(noise={"reevaluate": 1}))
    (copy,) = copies(graph).values()
    (select,) = [one for one in graph.stages if one.kind == "select" and one.uses[0].arm == "no-state"]  # fmt: skip
    changed = rewired(graph, select, 0, copy, "selection")
    assert changed is not None
    messages = [leak.message for leak in leakage(changed)]
    assert any("a copy for the noise floor reaches 'results' of select" in text for text in messages)  # fmt: skip


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({}, "this asks for no copy"),
        ({"reevaluate": 0, "of": "no-state"}, "this asks for no copy"),
        ({"retrain": -1}, "'retrain': must be at least 0, not -1"),
        ({"reevaluate": 101}, "'reevaluate': must be at most 100, not 101"),
        ({"retrain": 1, "iteration": 0}, "the untaught student has no training in the loop"),
        ({"reevaluate": 1, "iteration": 3}, "'with-state' has 2 iterations"),
        ({"reevaluate": 1, "of": "no-stat"}, "there is no arm 'no-stat'"),
        ({"reevaluate": 1, "split": "feedback"}, "feedback"),
        ({"reevaluate": 1, "student": "best"}, "unknown key 'student' in 'noise'"),
    ],
)
def test_senseless_copies_are_told(noise: Any, message: str, tmp_path: Path) -> None:
    (found,) = findings(tmp_path, tiny(noise=noise))
    assert message in found.message


def test_a_student_that_may_never_be_cannot_be_copied(tmp_path: Path) -> None:
    loop = {"iterations": 4, "stop": {"patience": 1}}
    (found,) = findings(tmp_path, tiny(noise={"retrain": 1, "iteration": 3}, loop=loop))
    assert found.message == "'with-state' may stop before iteration 3, and has no such student then"
    assert findings(tmp_path, tiny(noise={"retrain": 1, "iteration": 2}, loop=loop)) == ()


def test_the_untaught_student_can_be_evaluated_again(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(noise={"reevaluate": 1, "iteration": 0}))
    (copy,) = copies(graph).values()
    assert copy.uses[0].what == "evaluate iteration 0 on selection again 1"


def test_copies_make_neither_an_arm_nor_an_experiment_the_same_or_another(tmp_path: Path) -> None:
    compiled(tmp_path, TINY)
    path = tmp_path / "spec.yaml"
    path.write_text(tiny(noise=NOISE, arms={"twin": {}}), encoding="utf-8")
    (warning,) = lower(front_end([path], root=tmp_path)).warnings
    assert "the arms 'with-state' and 'twin' resolve to the same experiment" in warning.message
    other = tmp_path / "other.yaml"
    path.write_text(TINY, encoding="utf-8")
    other.write_text(tiny(name="other", noise=NOISE), encoding="utf-8")
    assert not lower(front_end([path, other], root=tmp_path)).warnings
