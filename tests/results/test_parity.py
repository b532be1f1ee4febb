"""How the two students of a contrast were asked, read from the stages that scored them."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli.compare import command as compare
from dataenvgym_spec.cli.report import command
from dataenvgym_spec.core.hashing import bytes_digest
from dataenvgym_spec.execute.entry import _say_results
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report import asking, words
from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.parity import Parity, change_parities, parities
from dataenvgym_spec.results.study import study
from dataenvgym_spec.track.project import project
from tests.support.graphs import compiled
from tests.support.reported import Store
from tests.support.specs import TEMPLATE, tiny

SEALED = "evaluate-z-no-state-0"
"""The stage that scores the students of one arm on the sealed test."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A finished experiment whose evaluations were asked as the compiler of today says."""
    root = Store(tmp_path / "repo").write().root
    graph = compiled(tmp_path, tiny(student={"generate": {"temperature": 0.5}}))
    (params,) = {
        json.dumps({**stage.plain, "splits": None}, sort_keys=True)
        for stage in graph.stages
        if stage.kind == "evaluate"
    }
    for folder in (root / "store").glob("evaluate-*"):
        write_json(
            folder / "stage.json", {"params": {**json.loads(params), "splits": [folder.name]}}
        )
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    inputs = {"specs/prompts/tiny.j2": bytes_digest(TEMPLATE.encode())}
    write_json(path, {**index, "inputs": inputs})
    return root


def edited(root: Path, **changes: Any) -> Results:
    """The experiment with other parameters of one arm's sealed evaluation."""
    path = root / "store" / SEALED / "stage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name, value in changes.items():
        old = content["params"].get(name)
        content["params"][name] = {**old, **value} if isinstance(old, dict) else value
    write_json(path, content)
    return load("tiny", root)


def only(results: Results) -> Parity:
    """How the students of the only contrast were asked."""
    (found,) = parities(results).values()
    return found


def test_equal_prompts_are_shown_by_what_they_were(root: Path) -> None:
    found = only(load("tiny", root))
    assert found.differing == ()
    said = asking.asked(found)
    digest = bytes_digest(TEMPLATE.encode())[:8]
    assert said.startswith(
        f"Both students were asked alike: prompt specs/prompts/tiny.j2 ({digest}); decoding "
        "temperature 0.5, "
    )
    assert "max_new_tokens 5" in said and "; backend transformers" in said
    assert said.endswith("; scorer reasoning-gym.")
    (row,) = json.loads(metrics(study(load("tiny", root))))["contrasts"].values()
    assert row["asked"]["alike"] is True and row["asked"]["scorer"] == "reasoning-gym"


CHANGES: dict[str, dict[str, Any]] = {
    "prompt": {"template": "Think. {{ input }}"},
    "decoding": {"generate": {"max_new_tokens": 900}},
    "backend": {"generate": {"backend": {"kind": "vllm", "semantics": 2}}},
    "scorer": {"score": {"kind": "exact-match", "semantics": 1}},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_comparison_of_two_sides_says_it_too(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    arguments = ["tiny:no-state", "tiny:with-state"]
    assert "asked alike" not in CliRunner().invoke(compare, arguments).output
    said = asking.asked(only(edited(root, **CHANGES[name])))
    told = CliRunner().invoke(compare, arguments, catch_exceptions=False).output
    assert said in " ".join(told.split())
    told = CliRunner().invoke(compare, [*arguments, "--json"], catch_exceptions=False).output
    assert json.loads(told)["contrasts"][0]["mind"] == [said]


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_differs_is_a_caveat_everywhere(
    name: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = edited(root, **CHANGES[name])
    found = only(results)
    assert [aspect.name for aspect in found.differing] == [name]
    said = asking.asked(found)
    assert f"were not asked alike ({name} " in said and " against " in said
    whole = study(results)
    (contrast,) = whole.contrasts
    assert said in words.warnings(contrast, whole.stamps, found)
    (row,) = json.loads(metrics(whole))["contrasts"].values()
    assert row["asked"]["alike"] is False and set(row["asked"][name]) == {"first", "against"}
    _say_results(whole)
    assert f"  mind: {said}" in capsys.readouterr().out
    monkeypatch.chdir(root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert " ".join(said.split()) in " ".join(told.split())
    (summary,) = (run for run in project(results).runs if run.id == "tiny/with-state/summary")
    tags = dict(summary.tags)
    assert tags["test/best minus best of no-state asked"] == f"not alike: another {name}"


def edited_base(root: Path, **changes: Any) -> Results:
    """The experiment with other parameters of the evaluation of the base, which the arms share."""
    path = root / "store" / "evaluate-base-t" / "stage.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["params"] |= changes
    write_json(path, content)
    return load("tiny", root)


def test_how_base_and_student_were_asked_stands_beside_what_teaching_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = study(load("tiny", root))
    ((said, parity),) = asking.of_change(whole.change_parities)
    assert not parity.differing
    alike = "The best student and the base of with-state, no-state were asked alike: prompt "
    assert said.startswith(alike) and "; backend transformers" in said
    assert said in html.unescape(page(whole)).partition("Answers fixed and broken")[2]
    assert json.loads(metrics(whole))["asked"]["no-state"]["alike"] is True
    monkeypatch.chdir(root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert " ".join(said.split()) in " ".join(told.split())
    _say_results(whole)
    assert said not in capsys.readouterr().out, "a stage says what to mind"


def test_a_base_that_was_asked_otherwise_is_a_caveat_of_what_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = edited_base(root, template="Think. {{ input }}")
    whole = study(results)
    assert not only(results).differing, "both students of the contrast were asked alike"
    assert set(change_parities(results)) == {"with-state", "no-state"}
    ((said, parity),) = asking.of_change(whole.change_parities)
    assert [aspect.name for aspect in parity.differing] == ["prompt"]
    assert "were not asked alike (prompt specs/prompts/tiny.j2 (" in said
    assert f'<p class="warning">{html.escape(said)}</p>' in page(whole)
    _say_results(whole)
    assert f"  mind: {said}" in capsys.readouterr().out
    monkeypatch.chdir(root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert " ".join(said.split()) in " ".join(told.split())
    asked = json.loads(metrics(whole))["asked"]["with-state"]
    assert asked["alike"] is False and set(asked["prompt"]) == {"first", "against"}
    for run in project(results).runs:
        if run.id.endswith("/summary"):
            assert dict(run.tags)["best minus base asked"] == "not alike: another prompt"


def test_arms_that_were_asked_in_two_ways_have_a_sentence_each(root: Path) -> None:
    results = edited(root, template="Think. {{ input }}")
    alike, other = asking.of_change(change_parities(results))
    assert alike[0].startswith("The best student and the base of with-state were asked alike")
    assert other[0].startswith("The best student and the base of no-state were not asked alike")


def test_what_words_leave_out_still_counts(root: Path) -> None:
    """An option that no sentence shows: parameters are compared, not what is said of them."""
    found = only(edited(root, chat={"system": "Be brief."}))
    assert [aspect.name for aspect in found.differing] == ["prompt"]
    shots = only(edited(root, chat={"system": None, "few_shot": {"count": 4}}))
    assert ", as a conversation, 4 examples before it" in asking.asked(shots)


def test_seeds_and_salts_are_no_difference(root: Path) -> None:
    assert only(edited(root, seed=7, salt=3)).differing == ()


def test_a_stage_that_says_nothing_is_not_called_alike(root: Path) -> None:
    path = root / "store" / SEALED / "stage.json"
    for text in ("{", "[]", '{"params": 3}'):
        path.write_text(text, encoding="utf-8")
        assert parities(load("tiny", root)) == {}
    path.unlink()
    results = load("tiny", root)
    assert parities(results) == {}
    (row,) = json.loads(metrics(study(results)))["contrasts"].values()
    assert "asked" not in row


def test_hostile_parameters_turn_no_text_round(root: Path) -> None:
    results = edited(root, generate={"<script>alert(1)</script>": "\u202e"})
    said = asking.asked(only(results))
    assert "alert(1)" in said and "\u202e" not in said
