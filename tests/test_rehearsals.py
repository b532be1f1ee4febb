"""The paper's cells rehearsed here, without a hub and without a key; and what a rehearsal finds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.rehearsal import Rehearsed, rehearse
from dataenvgym_spec.execute.rehearsal.students import Shelf
from dataenvgym_spec.records.examples import Example
from dataenvgym_spec.records.files import read_all
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import Study
from dataenvgym_spec.results.study import study as study_of
from tests.support.figures import figures, section_of, tables_of
from tests.support.repositories import ROOT
from tests.support.specs import TEMPLATE, tiny
from tests.support.training import warm_trainers

PAPER = ROOT / "specs" / "library" / "paper"
STUDENTS = {
    "code": "meta-llama/Meta-Llama-3-8B-Instruct",
    "math": "google/gemma-2-2b-it",
    "naturalbench": "google/paligemma-3b-pt-224",
    "tools": "meta-llama/Meta-Llama-3-8B-Instruct",
    "vqa": "google/paligemma-3b-pt-224",
}
UNSET = ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "DATAENVGYM_ROOTS")
"""What the machine may say, and a cell lacks here."""
SHORT = ["math-open-ended-faithful"]
"""The others take some minutes together."""
LONG = sorted({path.stem for path in PAPER.glob("*.yaml")} - {*SHORT})
NAMES = [*SHORT, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)]


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """The tiny models of all cells, and a worker that trains."""
    with warm_trainers(tmp_path_factory.mktemp("worker")):
        yield Shelf()


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_of_the_paper_is_rehearsed(
    name: str, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in UNSET:
        monkeypatch.delenv(variable, raising=False)
    found = rehearse(
        PAPER / f"{name}.yaml",
        root=ROOT,
        folder=tmp_path / "it",
        hub=HubAccess(asks=False),
        shelf=shelf,
    )
    assert not found.played.failed and not found.played.skipped, found.findings
    domain = name.partition("-")[0]
    files = set() if domain == "math" else {"E203"}
    assert {finding.code for finding in found.findings} == {"E209", "E211"} | files
    (student,) = {one.name for one in found.estimates.students}
    assert student == STUDENTS[domain]
    assert found.asked.requests and len(found.played.done) < found.real
    # A refill is asked for nothing where a round was accepted whole.
    paths = (tmp_path / "it").glob("store/check-*/out/accepted/examples.jsonl")
    examples = [one for path in paths for one in read_all(path, Example)]
    assert examples and not any(one.notes for one in examples), "a check objects to what is said"
    if name in SHORT:
        assert shown(found) == {figure.section for figure in figures()} - NAMELESS


NAMELESS = {"Gain by skill", "Skill trees"}
"""What the report of an open-ended cell has nothing to show of: its agent knows no skills."""


def shown(found: Rehearsed) -> set[str]:
    """The sections that `docs/paper-cell.md` names and the report has; each that it has holds what was measured."""
    (name,) = found.names
    study = study_of(load(name, found.folder))
    text = page(study)
    there = set()
    for figure in figures():
        section = section_of(text, figure.section)
        if section is None:
            continue
        there.add(figure.section)
        assert ("<path" in section) is figure.drawn, figure.section
        rows = [len(lines) for label in figure.tables for lines in tables_of(section, label)]
        assert all(rows), figure.section
        if figure.section in SEVERAL:
            assert len(rows) >= 2, figure.section
        else:
            assert len(rows) == bool(figure.tables), figure.section
        if figure.section in COUNTED:
            assert rows == [COUNTED[figure.section](study)]
    return there


SEVERAL = {"Skill trees", "What the data was about"}
"""Sections with a table for each arm or iteration."""
COUNTED: dict[str, Callable[[Study], int]] = {
    "The answer": lambda study: len(study.summaries),
    "Learning curves": lambda study: sum(len(curve.points) for curve in study.curves),
    "Gain by skill": lambda study: len(study.taught_skills),
    "What became of the candidates": lambda study: len(study.yields),
    "Answers fixed and broken": lambda study: len(study.gains),
}
"""How many lines the table of a section has."""


@pytest.mark.slow
def test_the_report_of_a_labelled_cell_has_every_figure_that_its_page_names(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in UNSET:
        monkeypatch.delenv(variable, raising=False)
    found = rehearse(
        PAPER / "math-skill-tree-faithful.yaml",
        root=ROOT,
        folder=tmp_path / "it",
        sets=("skills.label=[test]", "skills.teacher_may_read=[test]"),
        hub=HubAccess(asks=False),
        shelf=shelf,
    )
    assert not found.played.failed and not found.played.skipped, found.findings
    assert shown(found) == {figure.section for figure in figures()}


SEEING = {
    "HuggingFaceTB/SmolVLM-256M-Instruct": None,
    "Qwen/Qwen2-VL-2B-Instruct": "torchvision",
}
"""Models that see, and what their processor needs besides the extras."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SEEING)
def test_a_student_that_sees_is_rehearsed_by_its_name(
    name: str, shelf: Shelf, tmp_path: Path
) -> None:
    """In conversations, with an adapter, to the end; what it needs and is not here is told."""
    tree = yaml.safe_load((ROOT / "specs" / "library" / "vqa.yaml").read_text(encoding="utf-8"))
    model = {"kind": "hub", "id": name, "revision": "a" * 40}
    train = {**tree["student"]["train"], "max_length": 2048, "adapter": {"kind": "lora"}}
    tree["student"] |= {"model": model, "train": train}
    tree["student"]["prompt"]["chat"] = True
    path = tmp_path / "specs" / "seeing.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    hub = HubAccess(asks=False)
    found = rehearse(path, root=tmp_path, folder=tmp_path / "it", hub=hub, shelf=shelf)
    assert not (found.obstacles or found.played.failed or found.played.skipped), found.findings
    trained = [stage for stage in found.played.done if stage.kind == "train"]
    assert {use.arm for stage in trained for use in stage.uses} == {"seen", "noise"}
    (student,) = found.estimates.students
    assert student.name == name and student.sizes.parameters > 2e8
    # An image is 64 tokens of each of 17 tiles, 64 where another model stands in, or few.
    assert student.lengths.longest > (64 * 17 if SEEING[name] is None else 20)
    missing = SEEING[name] is not None and find_spec(SEEING[name]) is None
    told = [finding.message for finding in found.findings]
    assert told == [f"its processor needs {SEEING[name]}, which is not installed here"] * missing
    instead = f"the model '{name}': its processor needs"
    assert any(line.startswith(instead) for line in found.untested) == missing


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
        rehearse(PAPER / "math-open-ended-faithful.yaml", root=ROOT, folder=tmp_path)
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
