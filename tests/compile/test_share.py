"""Same meaning, same key: what must and what must not change a stage's key."""

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.graph.ir import Graph
from tests.support.graphs import compiled, keys
from tests.support.repositories import ROOT
from tests.support.specs import TEMPLATE, TINY


def of(graph: Graph, kind: str) -> set[str]:
    return {stage.id for stage in graph.stages if stage.kind == kind}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "# a comment\n" + text,
        lambda text: text.replace(
            "description: A spec small enough for a test.",
            "description: '${x} $(rm -rf /) \"{{ }}'",
        ),
        lambda text: text.replace("name: tiny", "name: other"),
        lambda text: text.replace("learning_rate: 1e-3", "learning_rate: 0.001"),
        lambda text: text.replace("{scores: true, yield: true, errors: 1}", "{errors: 1}"),
        lambda text: text.replace(
            "policy: {kind: allocate, power: 1.0, floor: 0.2}",
            "policy: {floor: 0.2, power: 1, kind: allocate}",
        ),
        lambda text: text.replace(
            "teach: {examples: 30, of: accepted, refill: 1}", "teach: {examples: 30}"
        ),
        lambda text: re.sub(r"analysis:\n.*\n", "", text),
        lambda text: text.replace(
            "overlap: {action: reject}", "overlap: {against: [feedback, test, selection]}"
        ),
        lambda text: "$schema: x\n" + text,
        lambda text: text.replace(
            "  with-state: {}\n  no-state: {agent: {observe: nothing}}",
            "  no-state: {agent: {observe: nothing}}\n  with-state: {}",
        ),
        lambda text: text.replace("with-state", "seeing"),
    ],
)
def test_what_does_not_change_the_meaning_changes_no_key(change, tmp_path: Path) -> None:
    assert keys(compiled(tmp_path, change(TINY))) == keys(compiled(tmp_path, TINY))


def test_neither_path_nor_other_specs_enter_a_key(tmp_path: Path) -> None:
    mine = keys(compiled(tmp_path, TINY))
    elsewhere = tmp_path / "a" / "b"
    elsewhere.mkdir(parents=True)
    assert keys(compiled(elsewhere, TINY)) == mine
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    both = front_end(
        [tmp_path / "spec.yaml", tmp_path / "specs" / "quickstart.yaml"], root=tmp_path
    )
    assert mine < keys(lower(both).graph)


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        (
            "test: {from: problems, draw: {per_group: 6}}",
            "test: {from: problems, draw: {per_group: 7}}",
            {"data", "evaluate"},
        ),
        (
            "selection: {from: problems, draw: {per_group: 4}}",
            "selection: {from: problems, draw: {per_group: 5}}",
            {"data", "evaluate", "select"},
        ),
        (
            "max_new_tokens: 5",
            "max_new_tokens: 6",
            {"evaluate", "plan", "generate", "check", "train", "select"},
        ),
        ("floor: 0.2", "floor: 0.3", {"plan", "generate", "check", "train", "evaluate", "select"}),
        (
            "train: {length: {steps: 6}",
            "train: {length: {steps: 7}",
            {"train", "evaluate", "plan", "generate", "check", "select"},
        ),
        (
            "layers: 1",
            "layers: 2",
            {"student", "train", "evaluate", "plan", "generate", "check", "select"},
        ),
        ("arms:", "select: {by: last}\narms:", {"select", "evaluate"}),
    ],
)
def test_what_changes_a_result_changes_just_the_keys_below_it(
    old: str, new: str, kinds: set[str], tmp_path: Path
) -> None:
    assert old in TINY
    before, after = compiled(tmp_path, TINY), compiled(tmp_path, TINY.replace(old, new, 1))
    changed = {stage.kind for stage in after.stages if stage.id not in keys(before)}
    assert changed == kinds


def test_a_template_is_its_content(tmp_path: Path) -> None:
    before = compiled(tmp_path, TINY)
    (tmp_path / "prompts" / "renamed.j2").write_text(TEMPLATE, encoding="utf-8")
    assert keys(compiled(tmp_path, TINY.replace("tiny.j2", "renamed.j2"))) == keys(before)
    (tmp_path / "prompts" / "renamed.j2").write_text(TEMPLATE + " ", encoding="utf-8")
    assert not of(compiled(tmp_path, TINY.replace("tiny.j2", "renamed.j2")), "train") & of(
        before, "train"
    )


def test_more_iterations_reuse_the_first_ones(tmp_path: Path) -> None:
    short, long = (
        compiled(tmp_path, TINY),
        compiled(tmp_path, TINY.replace("iterations: 2", "iterations: 3")),
    )
    new = {stage.uses[0].iteration for stage in long.stages if stage.id not in keys(short)}
    assert new == {2, 3, None}  # 2: the feedback evaluation that only a third plan reads
    added = [
        stage
        for stage in long.stages
        if stage.id not in keys(short) and stage.uses[0].iteration == 2
    ]
    assert [stage.uses[0].what for stage in added] == ["evaluate on feedback"]


def test_arms_share_everything_before_their_first_plan(tmp_path: Path) -> None:
    graph = compiled(tmp_path, TINY)
    shared = {stage.kind for stage in graph.stages if len({use.arm for use in stage.uses}) == 2}
    assert shared == {"data", "reserve", "student", "skills", "evaluate"}
    assert all(
        (use.iteration or 0) == 0
        for stage in graph.stages
        if len(stage.uses) == 2
        for use in stage.uses
    )


def test_a_change_of_one_arm_touches_no_other(tmp_path: Path) -> None:
    before = compiled(tmp_path, TINY)
    after = compiled(
        tmp_path, TINY.replace("with-state: {}", "with-state: {agent: {policy: {power: 3}}}")
    )
    changed = [stage for stage in after.stages if stage.id not in keys(before)]
    assert {use.arm for stage in changed for use in stage.uses} == {"with-state"}
    assert (
        min(stage.uses[0].iteration for stage in changed if stage.uses[0].iteration is not None)
        == 1
    )


def test_run_seeds_share_the_base_and_nothing_after(tmp_path: Path) -> None:
    graph = compiled(tmp_path, TINY.replace("arms:", "seeds: {run: [0, 1]}\narms:"))
    for stage in graph.stages:
        alone = len({use.seed for use in stage.uses}) == 1
        assert alone == (
            stage.kind in ("plan", "generate", "check", "train", "select")
            or (stage.kind == "evaluate" and stage.uses[0].iteration != 0)
        )


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(4)))
def test_the_order_of_keys_does_not_matter(tmp_path_factory, order: list[int]) -> None:
    folder = tmp_path_factory.mktemp("order")
    head, rest = TINY.split("\nagent:\n")
    body, tail = rest.split("\nloop:\n")
    lines = body.split("\n")
    shuffled = "\n".join(lines[index] for index in order)
    assert keys(compiled(folder, f"{head}\nagent:\n{shuffled}\nloop:\n{tail}")) == keys(
        compiled(folder, TINY)
    )


def test_an_option_that_cannot_act_without_a_state_is_in_no_key_of_a_blind_arm(
    tmp_path: Path,
) -> None:
    """The blind arm keeps its keys, so that it is not trained again; the arm that sees does not."""
    before, after = (
        _by_arm(compiled(tmp_path, TINY.replace("power: 1.0", f"power: {power}")))
        for power in ("1.0", "2.0")
    )
    assert before["no-state"] == after["no-state"]
    assert before["with-state"] != after["with-state"]


def _by_arm(graph: Graph) -> dict[str, set[str]]:
    arms: dict[str, set[str]] = {}
    for stage in graph.stages:
        for use in stage.uses:
            arms.setdefault(use.arm, set()).add(stage.id)
    return arms
