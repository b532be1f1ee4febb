"""Files that a spec names: which content enters keys, and what is refused."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import Diagnostic, gathered
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.language.source import parse
from dataenvgym_spec.resolve.extends import Family
from dataenvgym_spec.resolve.files import Reader
from dataenvgym_spec.resolve.resolve import examine
from tests.support.specs import TEMPLATE, TINY

SCRATCH = TINY[TINY.index("    kind: scratch") : TINY.index("  train: {length")]


def named(path: str) -> str:
    """The spec with a local model."""
    return TINY.replace(SCRATCH, f"    kind: path\n    path: {path}\n")


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    config = {"hidden_size": 32, "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "vocab.txt").write_text("a", encoding="utf-8")
    return folder


def root_of(folder: Path) -> Path:
    (folder / "specs" / "prompts").mkdir(parents=True)
    (folder / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    return folder


def read(root: Path, text: str) -> tuple[str, str, list[Diagnostic]]:
    """The content and the name of the model that a spec names, and what is wrong."""
    (root / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    resolved, findings = examine(root / "specs" / "tiny.yaml", root=root)
    (file,) = [
        file
        for place, file in resolved[0].arms[0].references.items()
        if place[:2] == ("student", "model")
    ]
    return file.content, file.path, list(gathered(findings))


def git_clone(folder: Path) -> None:
    for name in (".git/HEAD", ".cache/huggingface/download/a.metadata", "__pycache__/m.pyc"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x", encoding="utf-8")


def ignored_by_dvc(folder: Path) -> None:
    (folder / "notes.tmp").write_text("x", encoding="utf-8")
    (folder.parents[1] / ".dvcignore").write_text("*.tmp\n", encoding="utf-8")


def linked_folder(folder: Path) -> None:
    (folder / "tokenizer").rename(folder.parent / "shared")
    (folder / "tokenizer").symlink_to("../shared")


@pytest.mark.parametrize("change", [git_clone, ignored_by_dvc, linked_folder])
def test_what_is_no_part_of_a_model_is_not_in_its_key(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    root = root_of(tmp_path)
    folder = model(root / "models" / "mine")
    content, _, findings = read(root, named("../models/mine"))
    assert not findings
    change(folder)
    assert read(root, named("../models/mine")) == (content, "models/mine", [])


def test_a_change_behind_a_link_to_a_folder_is_seen(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    linked_folder(model(root / "models" / "mine"))
    before, _, _ = read(root, named("../models/mine"))
    (root / "models" / "shared" / "vocab.txt").write_text("b", encoding="utf-8")
    assert read(root, named("../models/mine"))[0] != before


@pytest.mark.parametrize(
    ("link", "target", "reason"),
    [
        ("extra.json", "/etc/hostname", "holds a link that leaves the repository, 'extra.json'"),
        ("tokenizer/up", "../../../../..", "holds a link that leaves the repository"),
        ("config2.json", "../../.git/config", "holds a link that leaves the repository"),
        ("gone.bin", "nowhere", "holds a link to nothing, 'gone.bin'"),
        ("again", "../mine", "holds a circle of links, 'again'"),
    ],
)
def test_links_that_lead_nowhere_good_are_refused(
    tmp_path: Path, link: str, target: str, reason: str
) -> None:
    root = root_of(tmp_path / "repo")
    folder = model(root / "models" / "mine")
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("token", encoding="utf-8")
    (folder / link).symlink_to(target)
    content, _, (finding,) = read(root, named("../models/mine"))
    assert (content, finding.code) == ("", "E203")
    assert reason in finding.message
    assert finding.help
    assert finding.span is not None


def test_gits_and_dvcs_own_files_are_refused_and_what_dvc_ignores(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    for place in (".git/mine", ".dvc/mine", "models/mine"):
        model(root / place)
    for name in (".git", ".dvc"):
        _, _, (finding,) = read(root, named(f"../{name}/mine"))
        assert "no part of the project" in finding.message
    (root / ".dvcignore").write_text("/models/\n", encoding="utf-8")
    _, _, (finding,) = read(root, named("../models/mine"))
    assert "is ignored by .dvcignore" in finding.message
    assert "rule" in finding.help


def test_a_file_that_dvc_links_from_its_cache_is_called_as_the_link(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    cached = root / ".dvc" / "cache" / "files" / "md5" / "ab" / "cd"
    cached.parent.mkdir(parents=True)
    rows = [json.dumps({"q": f"{n}", "a": f"{n}"}) for n in range(400)]
    cached.write_text("\n".join(rows) + "\n", encoding="utf-8")
    (root / "specs" / "items.jsonl").symlink_to(cached)
    source = "    other: {kind: jsonl, path: items.jsonl, fields: {input: q, target: a}}\n"
    path = root / "specs" / "tiny.yaml"
    path.write_text(TINY.replace("  score:", f"{source}  score:", 1), encoding="utf-8")
    (resolved,), findings = examine(path, root=root)
    assert not findings
    assert "specs/items.jsonl" in resolved.inputs


# --- what experiments made ------------------------------------------------------------------------

RESULT = "store/check-3f9c2a71b04de615/out/accepted"


def made(root: Path, *, cached: bool) -> Path:
    """A folder of results: of examples, and of what makes it a model. As links, if it is cached."""
    folder = model(root / RESULT)
    for name in ("examples.jsonl", "examples.j2"):
        (folder / name).write_text('{"q": "1 + 1", "a": "2"}\n', encoding="utf-8")
    (folder / "skills.json").write_text('{"1": "sum"}', encoding="utf-8")
    if cached:
        cache = root / ".dvc" / "cache" / "files" / "md5" / "ab"
        cache.mkdir(parents=True)
        for path in folder.iterdir():
            if path.is_file():
                path.rename(cache / path.name)
                path.symlink_to(cache / path.name)
    return folder


NAMES = {
    "data": "examples.jsonl",
    "table": "examples.jsonl",
    "whole": "examples.jsonl",
    "template": "examples.j2",
    "skills": "skills.json",
    "directory": ".",
}
"""A result for each form in which a spec names files."""


def test_all_forms_of_files_are_tried_on_results() -> None:
    kinds = [definition for slot in definitions().values() for definition in slot.values()]
    forms = {form for kind in kinds for form in kind.marked("x-file").values()}
    assert forms | {"template"} == set(NAMES)  # `student.prompt` names a template too


def as_it_is(folder: Path) -> str:
    return f"../{RESULT}"


def linked_file(folder: Path) -> str:
    (folder.parents[3] / "mine").mkdir()
    for name in ("examples.jsonl", "examples.j2", "skills.json"):
        (folder.parents[3] / "mine" / name).symlink_to(folder / name)
    (folder.parents[3] / "mine" / "config.json").symlink_to(folder / "config.json")
    return "../mine"


def twice_linked_folder(folder: Path) -> str:
    (folder.parents[3] / "other").symlink_to(folder)
    (folder.parents[3] / "mine").symlink_to("other")
    return "../mine"


def store_elsewhere(folder: Path) -> str:
    root = folder.parents[3]
    (root / "store").rename(root / "disk")
    (root / "store").symlink_to("disk")
    return f"../{RESULT}"


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("way", [as_it_is, linked_file, twice_linked_folder, store_elsewhere])
@pytest.mark.parametrize("form", NAMES)
def test_no_file_that_a_spec_names_is_a_result(
    tmp_path: Path, form: str, way: Callable[[Path], str], cached: bool
) -> None:
    """Else examples of an arm that observes would be taught in a blind one, past the proof."""
    root = root_of(tmp_path.resolve())
    name = f"{way(made(root, cached=cached))}/{NAMES[form]}"
    assert (root / "specs" / name).exists()
    finding = refused(root, name, form)
    assert "result of this repository" in finding.message
    assert "data_from: {arm: NAME}" in finding.help


def test_a_blind_arm_is_not_taught_a_file_of_what_a_seeing_one_accepted(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    made(root, cached=False)
    name = f"../{RESULT}/examples.jsonl"
    engine = f"{{kind: from-file, path: {name}, fields: {{input: q, target: a}}}}"
    blind = f"{{agent: {{observe: nothing, policy: {{kind: even}}, engine: {engine}}}}}"
    path = root / "specs" / "tiny.yaml"
    path.write_text(TINY.replace("{agent: {observe: nothing}}", blind), encoding="utf-8")
    _, findings = examine(path, root=root)
    assert ["is a result of this repository" in finding.message for finding in findings] == [True]


def refused(root: Path, name: str, form: str) -> Diagnostic:
    """What is wrong with a file that a spec names, read in a form."""
    family = Family(shown="", layers=(), trails={}, folders={}, inputs={}, duplicates=())
    reader = Reader(family, root / "specs", root)
    assert reader.read(parse(name, file="specs/tiny.yaml"), form).content == ""
    (finding,) = reader.findings
    assert finding.code == "E203"
    return finding


def test_a_folder_outside_is_no_way_to_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = root_of(tmp_path / "repo")
    made(root, cached=False)
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"all={tmp_path}")
    finding = refused(root, f"all:repo/{RESULT}/examples.jsonl", "data")
    assert "is a result of this repository" in finding.message
    assert "holds 'repo/store/" in refused(root, "all:.", "directory").message


def test_an_object_of_the_cache_is_named_by_no_spec(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    made(root, cached=True)
    (root / "mine").symlink_to(".dvc/cache/files/md5")
    for name in ("../.dvc/cache/files/md5/ab/examples.jsonl", "../mine/ab/examples.jsonl"):
        assert "lies in '.dvc'" in refused(root, name, "data").message
    (model(root / "models" / "mine") / "more").symlink_to(root / "mine" / "ab")
    assert "holds a link that leaves" in refused(root, "../models/mine", "directory").message


# --- folders outside ------------------------------------------------------------------------------


def test_a_folder_that_the_user_allows_is_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, outside = root_of(tmp_path / "repo"), tmp_path / "data" / "models"
    model(root / "models" / "mine")
    model(outside / "gemma")
    inside, _, _ = read(root, named("../models/mine"))
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"models={outside}")
    assert read(root, named("models:gemma")) == (inside, "models:gemma", [])
    # Neither name nor place is in the key.
    (outside.parent / "elsewhere").mkdir()
    (outside / "gemma").rename(outside.parent / "elsewhere" / "gemma-2")
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"a=/{os.pathsep}mine={outside.parent / 'elsewhere'}")
    assert read(root, named("mine:gemma-2"))[0] == inside
    for name in ("../../data/elsewhere/gemma-2", str(outside.parent / "elsewhere" / "gemma-2")):
        assert "outside the repository" in read(root, named(name))[2][0].message


def test_gits_configuration_of_a_clone_allows_a_folder_and_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, outside = root_of(tmp_path / "repo"), tmp_path / "models"
    model(outside / "gemma")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    command = ["git", "config", "--local", "dataenvgym.root.models", str(outside)]
    subprocess.run(command, cwd=root, check=True)
    content, name, findings = read(root, named("models:gemma"))
    assert content.startswith("sha256:")
    assert (name, findings) == ("models:gemma", [])
    (tmp_path / "other").mkdir()
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"models={tmp_path / 'other'}")
    assert "does not exist" in read(root, named("models:gemma"))[2][0].message


@pytest.mark.parametrize(
    ("roots", "name", "reason"),
    [
        ("", "models:gemma", "no folder is called 'models' on this machine"),
        ("other={outside}", "models:gemma", "no folder is called 'models' on this machine"),
        ("models={outside}", "models:../secret", "leads out of the folder that is called 'models'"),
        ("models={outside}", "models:/etc", "leads out of the folder that is called 'models'"),
        ("models={outside}", "models:link", "leads out of the folder that is called 'models'"),
        ("models={outside}", "models:linked", "holds a link that leaves"),
        ("models={outside}", "models:gone", "does not exist"),
        ("models=models", "models:gemma", "is no absolute path"),
        ("models={outside}/no", "models:gemma", "is no folder"),
        ("{outside}", "models:gemma", "is no name=folder"),
    ],
)
def test_everything_else_outside_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roots: str, name: str, reason: str
) -> None:
    root, outside = root_of(tmp_path / "repo"), tmp_path / "models"
    model(outside / "gemma")
    model(tmp_path / "secret")
    (outside / "link").symlink_to(tmp_path / "secret")
    (model(outside / "linked") / "extra").symlink_to(tmp_path / "secret" / "config.json")
    monkeypatch.setenv("DATAENVGYM_ROOTS", roots.format(outside=outside))
    content, _, (finding,) = read(root, named(f'"{name}"'))
    assert content == ""
    assert reason in finding.message
    assert finding.help


def test_a_colleague_without_the_folder_is_told_the_digest(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    (root / "experiments").mkdir()
    index = {"inputs": {"models:gemma": "ab" * 32}, "more": 1}
    (root / "experiments" / "tiny.json").write_text(json.dumps(index), encoding="utf-8")
    _, _, (finding,) = read(root, named("models:gemma"))
    assert finding.notes == (f"experiments/tiny.json was made with the content sha256:{'ab' * 32}",)
    assert "git config --local dataenvgym.root.models FOLDER" in finding.help
