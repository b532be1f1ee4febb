"""`init`: a new repository runs, an existing one is completed, and nothing is overwritten."""

import errno
import json
import os
from pathlib import Path

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.setup.scaffold import SCHEMA, scaffold
from tests.support.repositories import call, expect_refusal
from tests.support.specs import TEMPLATE, TINY

MODELINE = "# yaml-language-server: $schema=../schemas/experiment.schema.json\n"


def contents(root: Path) -> dict[str, bytes]:
    """All files but git's."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git/" not in str(path)
    }


def test_a_new_repository_is_valid_compiles_and_lacks_nothing(tmp_path: Path) -> None:
    said = call("dataenvgym", "init", "a study", cwd=tmp_path).stdout
    root = tmp_path / "a study"
    assert said.splitlines()[-5:] == [
        "next:",
        "  cd 'a study'",
        "  dataenvgym validate",
        "  dataenvgym compile",
        "  dataenvgym run first",
    ]
    text = (root / "specs" / "first.yaml").read_text(encoding="utf-8")
    assert text.startswith(MODELINE)
    assert (root / "specs" / MODELINE.partition("=")[2].strip()).is_file()
    assert call("dataenvgym", "validate", cwd=root).stdout == "1 experiment valid: first\n"
    assert "first: 23 stages" in call("dataenvgym", "compile", cwd=root).stdout
    call("dataenvgym", "compile", "--check", cwd=root)
    checks = json.loads(call("dataenvgym", "doctor", "--json", cwd=root).stdout)["checks"]
    assert [row["name"] for row in checks if row["needed"] and not row["ok"]] == []
    here = {
        "repository",
        ".gitignore",
        "merge drivers",
        "specs",
        "schema for editors",
        ".dvcignore",
        "store",
    }
    assert {row["name"] for row in checks if row["ok"]} >= here
    before = contents(root)
    again = json.loads(call("dataenvgym", "init", "--json", cwd=root).stdout)
    assert {(step["state"], step["reason"]) for step in again["steps"]} == {("kept", "")}
    assert contents(root) == before


def test_what_is_there_is_kept_and_said(tmp_path: Path) -> None:
    mine = {
        "specs/first.yaml": "mine: 1\n",
        SCHEMA: "{}\n",
        ".gitignore": "/mine",
        ".dvcignore": "*.tmp\n",
    }
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    steps = {step.what: step for step in scaffold(tmp_path).steps}
    assert (steps["specs/first.yaml"].state, steps["specs/first.yaml"].reason) == (
        "kept",
        "has content of its own",
    )
    assert "dataenvgym schema --write" in steps[SCHEMA].reason
    assert steps["specs/prompts/first.j2"].state == "made"
    for name, text in mine.items():
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(text), name
    assert "/store/*/out" in (tmp_path / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_a_repository_with_specs_gets_what_else_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "tiny.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    made = scaffold(tmp_path)
    assert made.spec == "tiny"
    assert "has tiny.yaml; no spec was added" in {step.reason for step in made.steps}
    assert sorted(path.name for path in (tmp_path / "specs").rglob("*") if path.is_file()) == [
        "tiny.j2",
        "tiny.yaml",
    ]
    assert (tmp_path / SCHEMA).is_file()
    inside = tmp_path / "notes" / "today"
    assert scaffold(inside).root == tmp_path
    assert [path.name for path in inside.iterdir()] == []


def test_a_folder_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    expect_refusal(
        call("dataenvgym", "init", "file", cwd=tmp_path, ok=False),
        "'file' is a file",
        "dataenvgym init DIR",
    )
    expect_refusal(
        call("dataenvgym", "init", "file/below", cwd=tmp_path, ok=False),
        "'file/below' cannot be written: not a directory",
    )
    expect_refusal(
        call("dataenvgym", "init", "/proc/study", cwd=tmp_path, ok=False),
        "'/proc/study' cannot be written",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(UserError, match="cannot be written: permission denied"):
        scaffold(tmp_path / "closed")


def test_a_disk_that_fills_up_costs_no_file_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    ignored = tmp_path / ".gitignore"
    ignored.write_text("/mine\n", encoding="utf-8")
    call("git", "init", "-q", cwd=tmp_path)
    call("dvc", "init", "-q", cwd=tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="cannot be written: no space left") as caught:
        scaffold(tmp_path)
    assert "free some space" in caught.value.help
    assert ignored.read_text(encoding="utf-8") == "/mine\n"


def test_the_packaged_spec_is_small(tmp_path: Path) -> None:
    scaffold(tmp_path)
    (spec,) = front_end([tmp_path / "specs" / "first.yaml"], root=tmp_path)
    assert len(lower((spec,)).graph.stages) <= 25
    assert {arm.name for arm in spec.arms} == {"with-state", "no-state"}


@pytest.mark.slow
def test_a_new_repository_runs(tmp_path: Path) -> None:
    call("dataenvgym", "init", "study", cwd=tmp_path)
    call("dataenvgym", "compile", cwd=tmp_path / "study")
    call("dvc", "repro", "first", cwd=tmp_path / "study", timeout=900)
    rows = json.loads(
        call("dataenvgym", "report", "first", "--json", cwd=tmp_path / "study").stdout
    )
    scores = {(row["arm"], row["student"]): row["accuracy"] for row in rows}
    assert scores["with-state", "last"] > scores["with-state", "base"]
    assert "Running stage" not in call("dvc", "repro", "first", cwd=tmp_path / "study").stdout


def test_a_folder_of_a_git_repository_becomes_a_project_of_its_own(tmp_path: Path) -> None:
    call("git", "init", "-q", cwd=tmp_path)
    (tmp_path / "README.md").write_text("another project", encoding="utf-8")
    made = scaffold(tmp_path / "study")
    assert made.root == tmp_path / "study"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "README.md", "study"]
    call("dataenvgym", "compile", cwd=made.root)
    assert "first: " in call("dataenvgym", "status", cwd=made.root).stdout
    call("dvc", "stage", "list", "--all", cwd=made.root)


def test_weights_are_no_business_of_git_in_a_new_repository(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.mkdir()
    (old / ".gitignore").write_text("/mine\n", encoding="utf-8")
    for root in (new, old):
        call("dataenvgym", "init", str(root), cwd=tmp_path)
        (root / "models").mkdir()
        (root / "models" / "model.safetensors").write_bytes(bytes(9))
        (root / "models" / "config.json").write_text("{}", encoding="utf-8")
    taken = call("git", "add", "--all", "--dry-run", cwd=new).stdout
    assert "models/config.json" in taken
    assert "safetensors" not in taken
    # Whoever has a .gitignore has a way of their own.
    assert "model.safetensors" in call("git", "add", "--all", "--dry-run", cwd=old).stdout
