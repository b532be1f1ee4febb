"""A base student that exists is referred to: found again, verified, and nowhere copied."""

import json
import shutil
from pathlib import Path

import pytest

import dataenvgym_spec
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.execute.run import run_stage
from dataenvgym_spec.records.students import REFERENCE
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.outside import Students
from tests.support.repositories import call, new_repo
from tests.support.specs import SMALL

SCRATCH = SMALL[SMALL.index("    kind: scratch") : SMALL.index("  train: {length")]
WEIGHTS = b"w" * 5000


def model(folder: Path) -> Path:
    folder.mkdir(parents=True)
    config = {"hidden_size": 32, "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    return folder


def made(repo: Path, path: str) -> tuple[Layout, Path]:
    """The repository after its student stage ran, and the port of that."""
    spec = SMALL.replace(SCRATCH, f"    kind: path\n    path: {path}\n")
    if not repo.exists():
        new_repo(repo, spec)
    (repo / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
    call("dataenvgym", "compile", cwd=repo)
    (stage,) = repo.glob("store/student-*")
    layout = Layout(root=repo)
    run_stage(layout, stage.name)
    return layout, stage / "out" / "student"


def refused(layout: Layout, port: Path) -> tuple[str, str]:
    with pytest.raises(StageError) as caught:
        Students(layout).folder(port)
    return caught.value.message, caught.value.help


def test_a_local_base_is_referred_to_and_verified(tmp_path: Path) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    folder = model(repo / "models" / "mine")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x", encoding="utf-8")
    layout, port = made(repo, "../models/mine")
    assert [path.name for path in port.iterdir()] == [REFERENCE]
    reference = json.loads((port / REFERENCE).read_text(encoding="utf-8"))
    assert reference["model"]["path"].startswith("sha256:")
    assert reference["size"] == len(WEIGHTS) + (folder / "config.json").stat().st_size
    assert Students(layout).folder(port) == folder
    results = dataenvgym_spec.load("tiny", repo)
    base = results.students()[0]
    assert (base.path, results.folder(base)) == (port, folder)
    # The bytes are the same wherever the folder lies.
    assert str(tmp_path) not in (port / REFERENCE).read_text(encoding="utf-8")
    (folder / "model.safetensors").write_bytes(WEIGHTS[::-1] + b"v")
    message, help = refused(layout, port)
    assert "its content has changed" in message
    assert help == "run: dataenvgym compile"
    shutil.rmtree(folder)
    assert "is missing" in refused(layout, port)[0]


def test_a_base_outside_is_found_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repo, outside = new_repo(tmp_path / "repo", SMALL), tmp_path / "data"
    folder = model(outside / "gemma")
    (folder / "chat_template.jinja").write_text("{{ messages }}", encoding="utf-8")
    call("git", "config", "--local", "dataenvgym.root.models", str(outside), cwd=repo)
    layout, port = made(repo, "models:gemma")
    # Of a model of the hub it is known here at the earliest.
    assert "it has a chat template: 'student.prompt' uses it" in capsys.readouterr().out
    assert Students(layout).folder(port) == folder
    stage = port.parents[1]
    (use,) = json.loads((stage / "stage.json").read_text(encoding="utf-8"))["files"].values()
    assert use == "models:gemma"
    assert "gemma" not in (stage / "dvc.yaml").read_text(encoding="utf-8")
    for path in (stage / "stage.json", stage / "dvc.yaml", port / REFERENCE):
        assert str(outside) not in path.read_text(encoding="utf-8")
    # A colleague has it elsewhere, or not at all.
    outside.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"models={tmp_path / 'elsewhere'}")
    assert Students(layout).folder(port) == tmp_path / "elsewhere" / "gemma"
    monkeypatch.delenv("DATAENVGYM_ROOTS")
    call("git", "config", "--local", "--unset", "dataenvgym.root.models", cwd=repo)
    message, help = refused(layout, port)
    digest = json.loads((port / REFERENCE).read_text(encoding="utf-8"))["model"]["path"]
    assert "no folder is called 'models' on this machine" in message
    assert digest in message
    assert "git config --local dataenvgym.root.models FOLDER" in help


def test_the_same_content_by_another_name_is_the_same_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    model(tmp_path / "data" / "gemma")
    model(repo / "models" / "mine")
    _, inside = made(repo, "../models/mine")
    before = (inside / REFERENCE).read_bytes()
    monkeypatch.setenv("DATAENVGYM_ROOTS", f"models={tmp_path / 'data'}")
    shutil.rmtree(repo / "models")
    spec = SMALL.replace(SCRATCH, "    kind: path\n    path: models:gemma\n")
    (repo / "specs" / "tiny.yaml").write_text(spec, encoding="utf-8")
    roots = f"models={tmp_path / 'data'}"
    call("dataenvgym", "compile", cwd=repo, DATAENVGYM_ROOTS=roots)
    (stage,) = repo.glob("store/student-*")
    assert stage == inside.parents[1]
    run_stage(Layout(root=repo), stage.name)
    assert (inside / REFERENCE).read_bytes() == before
