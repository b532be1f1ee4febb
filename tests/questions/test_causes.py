"""Why a stage is what it is: every parameter has its place in the spec, and a change is told in words with the line."""

from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.graph.ir import Stage
from dataenvgym_spec.questions.causes import cause, changes
from dataenvgym_spec.questions.explain import leaves, plain
from dataenvgym_spec.questions.provenance import place
from dataenvgym_spec.resolve.arms import Resolved
from tests.support.specs import TEMPLATE, TINY

DERIVED = {
    "trainer",
    "semantics",
    "lane",
    "lanes",
    "ngrams",
    "role",
    "iteration",
    "round",
    "splits",
    "seed",
    "splits_seed",
}
LORA = TINY.replace("  train: {length", "  train: {adapter: {kind: lora}, length")


def resolved(folder: Path, text: str = LORA, template: str = TEMPLATE) -> tuple[Resolved, ...]:
    (folder / "specs" / "prompts").mkdir(parents=True, exist_ok=True)
    (folder / "specs" / "prompts" / "tiny.j2").write_text(template, encoding="utf-8")
    (folder / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    return front_end([folder / "specs" / "tiny.yaml"], root=folder)


def stages(specs: tuple[Resolved, ...]) -> list[Stage]:
    return list(lower(specs).graph.stages)


def at(tree: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        # A component without options is a bare word in a spec.
        tree = tree if isinstance(tree, str) and step == "kind" else tree[step]
    return tree


def test_every_parameter_of_every_stage_has_its_place_in_the_spec(tmp_path: Path) -> None:
    specs = resolved(tmp_path)
    arms = {arm.name: arm for arm in specs[0].arms}
    seen = set()
    for stage in stages(specs):
        arm = arms[stage.uses[0].arm]
        whole = plain(arm)
        params = {
            **stage.plain,
            **(
                {"checks": {item["kind"]: item for item in stage.plain["checks"]}}
                if stage.kind == "check"
                else {}
            ),
        }
        for path, value in leaves(params):
            if DERIVED & {path[0], path[-1]} or (stage.kind == "check" and path[-1] == "kind"):
                continue
            found = place(stage.kind, stage.plain, path, arm)
            assert found is not None, (stage.kind, path)
            if found in arm.references:
                assert value == arm.references[found].content
            elif path[-1] not in ("source", "teacher"):
                assert at(whole, found) == value, (stage.kind, path, found)
            seen.add((stage.kind, path[0]))
    assert {
        ("plan", "policy"),
        ("train", "train"),
        ("check", "checks"),
        ("reserve", "sources"),
        ("student", "model"),
        ("generate", "engine"),
    } <= seen


EDITS = [
    (
        "power: 1.0",
        "power: 0.7",
        "plan",
        "policy `allocate` changed: `power` 1.0 -> 0.7, specs/tiny.yaml:{}",
    ),
    (
        "examples: 30",
        "examples: 40",
        "plan",
        "`loop.teach.examples` changed: 30 -> 40, specs/tiny.yaml:{}",
    ),
    (
        "oversample: 2",
        "oversample: 3",
        "generate",
        "engine `procedural` changed: `oversample` 2.0 -> 3.0, specs/tiny.yaml:{}",
    ),
    (
        "duplicate: {action: reject}",
        "duplicate: {action: record}",
        "check",
        "check `duplicate` changed: `action` reject -> record, specs/tiny.yaml:{}",
    ),
    (
        "score: {kind: reasoning-gym}",
        "score: {kind: exact-match}",
        "check",
        "scorer changed: reasoning-gym -> exact-match, specs/tiny.yaml:{}",
    ),
    (
        "train: {adapter: {kind: lora}",
        "train: {adapter: {kind: lora, r: 4}",
        "train",
        "adapter `lora` changed: `r` 16 -> 4, specs/tiny.yaml:{}",
    ),
    (
        "length: {steps: 6}, learning_rate: 1e-3",
        "length: {steps: 6}, learning_rate: 3e-3",
        "train",
        "`student.train.learning_rate` changed: 0.001 -> 0.003, specs/tiny.yaml:{}",
    ),
    (
        "max_digits: 1}",
        "max_digits: 2}",
        "data",
        "`task.sources.problems.families.sum.config.max_digits` changed: 1 -> 2, specs/tiny.yaml:{}",
    ),
]


@pytest.mark.parametrize(("old", "new", "kind", "said"), EDITS)
def test_a_change_is_told_with_the_line_that_says_so(
    tmp_path: Path, old: str, new: str, kind: str, said: str
) -> None:
    before = next(stage for stage in stages(resolved(tmp_path)) if stage.kind == kind)
    assert old in LORA
    text = LORA.replace(old, new)
    specs = resolved(tmp_path, text)
    now = next(stage for stage in stages(specs) if stage.kind == kind)
    line = next(number for number, row in enumerate(text.split("\n"), 1) if new in row)
    stood = {"params": before.plain, "semantics": before.declaration.semantics}
    assert cause(now, stood, specs, "tiny") == said.format(line)


def test_a_prompt_is_told_by_its_file(tmp_path: Path) -> None:
    (before,) = [stage for stage in stages(resolved(tmp_path)) if stage.kind == "student"]
    specs = resolved(tmp_path, template=TEMPLATE + "  ")
    (now,) = [stage for stage in stages(specs) if stage.kind == "student"]
    said = cause(now, {"params": before.plain, "semantics": 1}, specs, "tiny")
    assert said is not None
    assert said.startswith("the file specs/prompts/tiny.j2 changed, specs/tiny.yaml:")


def test_a_new_version_of_a_component_or_of_a_stage_kind_is_told(tmp_path: Path) -> None:
    specs = resolved(tmp_path)
    now = next(stage for stage in stages(specs) if stage.kind == "plan")
    older = {**now.plain, "policy": {**now.plain["policy"], "semantics": 0}}
    assert (
        cause(now, {"params": older, "semantics": 1}, specs, "tiny")
        == f"policy `allocate` has a new version: 0 -> {now.plain['policy']['semantics']}"
    )
    assert (
        cause(now, {"params": now.plain, "semantics": 0}, specs, "tiny")
        == "the stage kind `plan` has a new version: 0 -> 1"
    )
    assert cause(now, {"params": now.plain, "semantics": 1}, specs, "tiny") is None


def test_another_component_is_one_change() -> None:
    (found,) = changes(
        {"policy": {"kind": "allocate", "power": 1}}, {"policy": {"kind": "greedy", "top": 3}}
    )
    assert (found.path, found.old, found.new) == (("policy", "kind"), "allocate", "greedy")


def test_two_values_that_differ_at_their_end_are_told_apart(tmp_path: Path) -> None:
    many = "{kind: lora, targets: [q_proj, k_proj, v_proj, o_proj, gate_proj, %s]}"
    both = []
    for name in ("up_proj", "down_proj"):
        specs = resolved(tmp_path, LORA.replace("{kind: lora}", many % name))
        both.append(next(stage for stage in stages(specs) if stage.kind == "train"))
    told = cause(both[1], {"params": both[0].plain}, (), "tiny") or ""
    assert '"up_proj"] -> ' in told and told.endswith('"down_proj"]')


def test_as_in_a_key_one_and_one_point_zero_are_two_values() -> None:
    assert [(one.old, one.new) for one in changes({"power": 1}, {"power": 1.0})] == [(1, 1.0)]
