"""The paper's cells rehearsed here, without a hub and without a key; and what a rehearsal finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.rehearsal import rehearse
from tests.support.repositories import ROOT
from tests.support.specs import TEMPLATE, tiny

PAPER = ROOT / "specs" / "library" / "paper"
NAMES = sorted(path.stem for path in PAPER.glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_cell_of_the_paper_is_rehearsed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    found = rehearse(
        PAPER / f"{name}.yaml", root=ROOT, folder=tmp_path / "it", hub=HubAccess(asks=False)
    )
    assert not found.played.failed and not found.played.skipped, found.findings
    assert {finding.code for finding in found.findings} == {"E209", "E211"}
    (student,) = {one.name for one in found.estimates.students}
    assert student == "google/gemma-2-2b-it"
    assert found.asked.requests and len(found.played.done) < found.real


def test_a_model_that_cannot_be_made_small_is_no_fault_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    model = tmp_path / "models" / "odd"
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps({"model_type": "of-nobody"}), encoding="utf-8")
    text = tiny(student={"model": None}).replace(
        "student:\n", "student:\n  model: {kind: path, path: ../models/odd}\n"
    )
    path = tmp_path / "specs" / "tiny.yaml"
    path.write_text(text, encoding="utf-8")
    found = rehearse(path, root=tmp_path, folder=tmp_path / "it", hub=HubAccess(asks=False))
    (said,) = found.obstacles
    assert "transformers does not know the architecture 'of-nobody'" in said
    assert not found.findings and not found.played.done
    assert {path.name for path in tmp_path.iterdir()} <= {"specs", "models", "it", ".dataenvgym"}


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UserError, match="holds no rehearsal"):
        rehearse(PAPER / f"{NAMES[0]}.yaml", root=ROOT, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_failures_are_collected_and_what_does_not_need_them_goes_on(tmp_path: Path) -> None:
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text("{{ input / 2 }} =", encoding="utf-8")
    path = tmp_path / "specs" / "tiny.yaml"
    path.write_text(tiny(), encoding="utf-8")
    found = rehearse(path, root=tmp_path, folder=tmp_path / "it", hub=HubAccess(asks=False))
    assert any("the prompt template fails" in one.message for one in found.findings)
    assert any(use.what == "train" for stage in found.played.skipped for use in stage.uses)
    planned = {use.arm for stage in found.played.done if stage.kind == "plan" for use in stage.uses}
    assert planned == {"no-state"}
