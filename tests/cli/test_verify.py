"""`dataenvgym verify`, and what reads results: what DVC passes on unread is found out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.core.hashing import md5_file
from dataenvgym_spec.results.experiment import load
from tests.support.repositories import call, expect_refusal


def port(repo: Path) -> Path:
    """Answers to the selection split."""
    return next(repo.glob("store/evaluate-*/out/selection"))


def poisoned(repo: Path) -> Path:
    """Exchanges an answer in DVC's cache as somebody would who wants nobody to see it.

    Returns:
        The object. The workspace has what DVC brought from it.
    """
    folder = port(repo)
    kept = folder / "results.jsonl"
    digest = md5_file(kept)
    path = repo / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
    text = path.read_text(encoding="utf-8")
    path.chmod(0o644)
    path.write_text(text.replace('"correct": false', '"correct": true', 1), encoding="utf-8")
    path.chmod(0o444)
    assert path.read_text(encoding="utf-8") != text
    shutil.rmtree(folder)
    assert "didn't change" in call("dvc", "repro", "tiny", cwd=repo).stdout  # DVC sees nothing
    assert kept.read_bytes() == path.read_bytes()
    return path


def test_an_exchanged_object_of_the_cache_is_found_out(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    whole = port(repo).joinpath("results.jsonl").read_bytes()
    assert "all that is here is what the locks say" in call("dataenvgym", "verify", cwd=repo).stdout
    path = poisoned(repo)
    refused = ("is not what its lock says", "dataenvgym verify --fix")
    expect_refusal(call("dataenvgym", "report", "tiny", cwd=repo, ok=False), *refused)
    answers = next(one for one in load("tiny", repo).stages if one.path == port(repo).parent.parent)
    with pytest.raises(UserError, match="is not what its lock says"):
        answers.port("selection")
    reader = next(
        stage.parent
        for stage in repo.glob("store/select-*/stage.json")
        if port(repo).parents[1].name in json.loads(stage.read_text("utf-8"))["reads"].values()
    )
    expect_refusal(call("dataenvgym", "stage", cwd=reader, ok=False), *refused, code=1)

    told = call("dataenvgym", "verify", "--json", cwd=repo, ok=False)
    assert told.returncode == 1
    rows = {row["path"]: row["what"] for row in json.loads(told.stdout)["altered"]}
    assert rows == {
        str(port(repo).relative_to(repo)): "is not what its lock says",
        str(path.relative_to(repo)): "does not hold what its name says",
    }
    said = call("dataenvgym", "verify", "tiny", "--fix", cwd=repo).stdout
    assert "2 things removed; run: dvc repro NAME" in said
    assert "Running stage" in call("dvc", "repro", "tiny", cwd=repo).stdout
    assert port(repo).joinpath("results.jsonl").read_bytes() == whole
    call("dataenvgym", "verify", cwd=repo)
    answers.port("selection")  # a process that goes on looks again


@pytest.mark.parametrize("what", ["a list of files", "a record of a run"])
def test_what_else_the_cache_holds(quick_copy: Path, what: str) -> None:
    repo = quick_copy
    if what == "a list of files":
        path = next(repo.glob(".dvc/cache/files/md5/*/*.dir"))
        path.chmod(0o644)
        path.write_text(path.read_text("utf-8").replace("[{", "[ {"), encoding="utf-8")
        path.chmod(0o444)
    else:
        path = next(repo.glob(".dvc/cache/runs/*/*/*"))
        run = yaml.safe_load(path.read_text("utf-8"))
        run["outs"][0]["md5"] = "0" * 32 + ".dir"
        path.write_text(yaml.safe_dump(run), encoding="utf-8")
    said = call("dataenvgym", "verify", cwd=repo, ok=False).stdout
    assert str(path.relative_to(repo)) in said
    assert "1 thing found; run: dataenvgym verify --fix" in said
    call("dataenvgym", "verify", "--fix", cwd=repo)
    assert not path.exists()
    call("dataenvgym", "verify", cwd=repo)


def test_where_nothing_is_compiled(tmp_path: Path) -> None:
    call("dataenvgym", "init", cwd=tmp_path)
    expect_refusal(
        call("dataenvgym", "verify", cwd=tmp_path, ok=False), "nothing is compiled", "compile"
    )
