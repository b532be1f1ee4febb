"""Baselines: the untaught student under other prompts, beside the base and read by nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end
from dataenvgym_spec.compile.passes.leakage import leakage
from dataenvgym_spec.questions.causes import ParamChange, _describe
from tests.support.graphs import compiled, findings, keys
from tests.support.specs import TINY, tiny

SHORT = {"prompt": {"template": "builtin:question"}}
BASELINES = {"short": SHORT, "same": {"prompt": {"template": "prompts/tiny.j2"}}}


def test_a_baseline_is_one_evaluation_more_and_moves_no_key(tmp_path: Path) -> None:
    plain, more = compiled(tmp_path, TINY), compiled(tmp_path, tiny(baselines=BASELINES))
    (added,) = keys(more) - keys(plain)
    assert keys(plain) < keys(more)
    stage = more.by_id()[added]
    assert stage.plain["template"] == "{{ input }}\n"
    assert {(use.arm, use.baseline) for use in stage.uses} == {
        ("with-state", "short"),
        ("no-state", "short"),
    }
    assert stage.uses[0].label() == "with-state, base, evaluate baseline short on test"
    assert not any(item.stage == added for other in more.stages for item in other.inputs)
    assert leakage(more) == []


def test_a_baseline_with_the_prompt_of_the_student_is_the_base(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(baselines=BASELINES))
    named = {use.baseline for stage in graph.stages for use in stage.uses}
    assert named == {None, "short", "same"}
    (base,) = [stage for stage in graph.stages if any(use.baseline == "same" for use in stage.uses)]
    assert {use.baseline for use in base.uses} == {None, "same"}


def test_an_index_without_baselines_is_what_it_was(tmp_path: Path) -> None:
    for text, there in ((TINY, False), (tiny(baselines={"short": SHORT}), True)):
        (entry,) = compiled(tmp_path, text).entries
        assert [("baselines" in settings) for settings in entry.index.settings.values()] == [
            there
        ] * 2


def test_what_changed_of_a_baseline_is_told_at_its_place(tmp_path: Path) -> None:
    graph = compiled(tmp_path, tiny(baselines={"short": SHORT}))
    (spec,) = front_end([tmp_path / "spec.yaml"], root=tmp_path)
    for stage in graph.stages:
        if stage.kind == "evaluate" and stage.uses[0].iteration == 0:
            change = ParamChange(path=("template",), old="a", new="b")
            told = _describe(change, stage, spec.arms[0])
            of_baseline = stage.uses[0].baseline is not None
            assert ("baselines.short.prompt.template" in told) == of_baseline, told
            assert told.startswith("`baselines" if of_baseline else "the file prompts/tiny.j2")


@pytest.mark.parametrize(
    ("baselines", "code", "message"),
    [
        ({"best": SHORT}, "E204", "a baseline cannot be called 'best': reports call a student so"),
        ({"a": {"prompt": {"template": "prompts/bad.j2"}}}, "E203", "is no valid Jinja"),
        ({"a": {"prompt": {"template": "missing.j2"}}}, "E203", "does not exist"),
        ({"a": {"prompt": {**SHORT["prompt"], "chat": True}}}, "E204", "does not serve the prompt"),
        ({"a": {"prompt": {**SHORT["prompt"], "system": "x"}}}, "E204", "is for conversations"),
        ({"a b": SHORT}, "E106", "a b"),
        ({"a": {}}, "E104", "prompt"),
    ],
)
def test_a_baseline_is_checked_as_a_student_is(
    baselines: dict[str, object], code: str, message: str, tmp_path: Path
) -> None:
    found = findings(tmp_path, tiny(baselines=baselines))
    assert any(item.code == code and message in item.message for item in found), found
