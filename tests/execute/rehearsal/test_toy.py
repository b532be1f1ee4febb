"""The small spec has the arms, kinds of stages and edges of the real one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.compile.compiler import Compiled, front_end, lower
from dataenvgym_spec.core.errors import SpecError
from dataenvgym_spec.execute.rehearsal.known import known_models
from dataenvgym_spec.execute.rehearsal.made_files import write_made
from dataenvgym_spec.execute.rehearsal.made_up import rows
from dataenvgym_spec.execute.rehearsal.reading import read_script
from dataenvgym_spec.execute.rehearsal.sizes import Amounts, shrink
from dataenvgym_spec.execute.rehearsal.toy import Toy
from dataenvgym_spec.records.files import write_json, write_rows
from dataenvgym_spec.store.dvc.dialect import dump
from tests.support.published import published
from tests.support.repositories import ROOT
from tests.support.specs import TEMPLATE, tiny

PAPER = ROOT / "specs" / "library" / "paper"
NAMES = sorted(path.stem for path in PAPER.glob("*.yaml"))


def shape(compiled: Compiled) -> Counter[Any]:
    """What a graph looks like: each use with its kind, and the slots, kinds and ports it reads."""
    stages = compiled.graph.by_id()
    found: Counter[Any] = Counter()
    for stage in compiled.graph.stages:
        reads = [(read.slot, stages[read.stage].kind, read.port) for read in stage.inputs]
        for use in stage.uses:
            place = (use.arm, use.iteration, use.what, use.baseline)
            found[(stage.kind, place, tuple(reads), stage.ports)] += 1
    return found


def compiled(toy: Toy, folder: Path) -> Compiled:
    """The small specs, beside what stands in for files and models."""
    paths = []
    for target, wanted in toy.made.tables.values():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        given = rows(wanted.columns, count=wanted.count, first=wanted.first, form=wanted.form)
        write_rows(folder / target, given)
    for target, files in toy.made.files.values():
        numbers = range(files.first, files.first + files.count)
        for option, said in files.said.items():
            write_made(folder / target / option, said, numbers, files.form)
    for target in toy.made.models.values():
        (folder / target).mkdir(parents=True)
        write_json(folder / target / "config.json", {"model_type": "gemma2"})
        write_json(folder / target / "tokenizer_config.json", {"chat_template": "{{ messages }}"})
    (folder / "specs").mkdir()
    for name, document in toy.documents.items():
        path = folder / "specs" / f"{name}.yaml"
        path.write_text(dump(document, sort_keys=False), encoding="utf-8")
        paths.append(path)
    return lower(front_end(paths, root=folder, locks="ignore"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return published(tmp_path_factory.mktemp("published"))


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_has_the_same_shape(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = PAPER / f"{name}.yaml"
    script = read_script(path, root=ROOT)
    # The files of some are not here: they are made up.
    assert {one.code for one in script.missing} <= {"E203", "E209"}
    toy = Toy()
    for spec in script.specs:
        toy.add(spec)
    short = ["loop.iterations=2", "seeds.run=0"]
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"data={data}")
    real = front_end([path], root=ROOT, sets=short, locks="ignore")
    assert shape(compiled(toy, tmp_path)) == shape(lower(real))
    texts = repr(toy.documents)
    assert "vllm" not in texts and "'hub'" not in texts
    (model,) = toy.made.models
    assert model.name in known_models()


def written(folder: Path, **sections: Any) -> Path:
    (folder / "specs" / "prompts").mkdir(parents=True)
    (folder / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    path = folder / "specs" / "tiny.yaml"
    path.write_text(tiny(**sections), encoding="utf-8")
    return path


def test_files_are_copied_and_what_is_not_here_is_made_up(tmp_path: Path) -> None:
    fields = {"input": "question.text", "target": "answer", "group": "skill"}
    there = {"kind": "jsonl", "path": "gone.jsonl", "fields": fields}
    sections = {
        "task": {"sources": {"rows": there}, "splits": {"pool": {"from": "rows", "draw": "all"}}},
        "teachers": {
            "writer": {"kind": "vllm", "model": {"kind": "path", "path": "models/none"}},
        },
    }
    script = read_script(written(tmp_path, **sections), root=tmp_path)
    assert {one.code for one in script.missing} == {"E203"}
    toy = Toy()
    toy.add(script.specs[0])
    assert toy.copies == {"files/specs/prompts/tiny.j2": "specs/prompts/tiny.j2"}
    document = toy.documents["tiny"]
    assert document["student"]["prompt"]["template"] == "../files/specs/prompts/tiny.j2"
    assert document["task"]["sources"]["rows"]["path"] == "../data/0.jsonl"
    writer = document["teachers"]["writer"]
    assert (writer["kind"], writer["model"]) == ("openai", "models/none")
    (wanted,) = [wanted for _, wanted in toy.made.tables.values()]
    assert wanted.columns == {"question.text": "input", "answer": "target", "skill": "group"}


def test_what_draws_answers_in_training_is_replaced(tmp_path: Path) -> None:
    method = {"kind": "grpo", "sampler": "vllm", "samples": 16}
    model = {"hidden_size": 64, "heads": 2}
    path = written(tmp_path, student={"model": model, "train": {"method": method}})
    toy = Toy()
    toy.add(read_script(path, root=tmp_path).specs[0])
    rehearsed = toy.documents["tiny"]["student"]["train"]["method"]
    assert rehearsed["sampler"] == "transformers" and rehearsed["samples"] == 2


def test_files_outside_are_read_where_they_lie(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"data={data}")
    script = read_script(PAPER / "tools-open-ended-faithful.yaml", root=ROOT)
    assert {one.code for one in script.missing} == {"E209"}
    toy = Toy()
    toy.add(script.specs[0])
    assert not toy.copies and not toy.made.files
    sources = toy.documents["paper-tools-open-ended-faithful"]["task"]["sources"]
    assert sources["validation"]["path"] == "data:mnms/test_human_verified.json"
    assert compiled(toy, tmp_path).graph.stages


def test_an_error_that_is_no_matter_of_the_machine_ends_it(tmp_path: Path) -> None:
    path = written(tmp_path, agent={"engine": {"teacher": "nobody"}})
    with pytest.raises(SpecError, match="E201"):
        read_script(path, root=tmp_path)


def test_small_amounts_stay_as_they_are(tmp_path: Path) -> None:
    (spec,) = front_end([written(tmp_path)], root=tmp_path)
    toy = Toy()
    toy.add(spec)
    document = toy.documents["tiny"]
    again = shrink(document, Amounts())
    assert again == []
    assert document["loop"]["teach"]["examples"] == 12
    assert document["task"]["splits"]["feedback"]["draw"] == {"per_group": 4}
    assert document["student"]["model"]["pretrain"]["length"] == {"steps": 4}
    assert "loop.teach.examples: 12 in place of 30" in toy.cuts


def test_copies_are_one_of_a_sort_and_of_an_iteration_that_there_is(tmp_path: Path) -> None:
    loop = {"iterations": 6}
    noise = {"reevaluate": 3, "retrain": 5, "iteration": 5}
    (spec,) = front_end([written(tmp_path, loop=loop, noise=noise)], root=tmp_path)
    toy = Toy()
    toy.add(spec)
    small = toy.documents["tiny"]
    assert small["noise"] == {"reevaluate": 1, "retrain": 1, "iteration": 2, "split": "selection"}
    assert "noise.retrain: 1 in place of 5" in toy.cuts
    assert small["loop"]["iterations"] == 2


def test_students_that_a_short_loop_has_not_are_not_compared(tmp_path: Path) -> None:
    contrast = {"arm": "no-state", "student": 5, "against": {"student": 1}, "split": "selection"}
    more = {"loop": {"iterations": 6}, "analysis": {"contrasts": [contrast]}}
    (spec,) = front_end([written(tmp_path, **more)], root=tmp_path)
    toy = Toy()
    toy.add(spec)
    assert "analysis" not in toy.documents["tiny"]


def test_other_test_sets_are_small_as_well(tmp_path: Path) -> None:
    probes = {"other": {"from": "problems", "draw": {"per_group": 9}}}
    (spec,) = front_end([written(tmp_path, task={"splits": {"probes": probes}})], root=tmp_path)
    toy = Toy()
    toy.add(spec)
    made = toy.documents["tiny"]["task"]["splits"]["probes"]
    assert made == {"other": {"from": "problems", "draw": {"per_group": 1}}}
