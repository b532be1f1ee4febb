"""What a repository needs is told and set up; two people's locks of one stage merge into one of them, whole."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.language.components import definitions
from dataenvgym_spec.setup import doctor
from dataenvgym_spec.setup.doctor import LARGE, PACKAGES, examine
from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.setup.scaffold import scaffold
from tests.support.repositories import ROOT, call
from tests.support.specs import TEMPLATE, tiny

LOCK = "store/train-0123456789abcdef/dvc.lock"


def lock(person: str) -> str:
    """A lock as each makes one: the same result, another log."""
    rows = "".join(
        f"    - path: {name}\n      md5: {person * 32}.dir\n      size: {len(name)}\n"
        for name in ("log", "out/student")
    )
    return f"schema: '2.0'\nstages:\n  train:\n    cmd: dataenvgym stage\n    outs:\n{rows}"


def commit(repo: Path, text: str) -> None:
    (repo / LOCK).parent.mkdir(parents=True, exist_ok=True)
    (repo / LOCK).write_text(text, encoding="utf-8")
    call("git", "add", "-A", cwd=repo)
    call(
        "git",
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.com",
        "commit",
        "-qm",
        "lock",
        cwd=repo,
    )


def merged(ours: Path, theirs: Path) -> int:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    return call(
        "git",
        *who,
        "pull",
        "-q",
        "--no-rebase",
        "--no-edit",
        str(theirs),
        "HEAD",
        cwd=ours,
        ok=False,
    ).returncode


def test_conflicting_locks_of_two_clones_merge_into_one_side_whole(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    call("dataenvgym", "init", str(ours), cwd=tmp_path)
    commit(ours, lock("0"))
    theirs, bare = tmp_path / "theirs", tmp_path / "bare"
    call("git", "clone", "-q", str(ours), str(theirs), cwd=tmp_path)
    call("git", "clone", "-q", str(ours), str(bare), cwd=tmp_path)
    for repo, person in ((ours, "a"), (theirs, "b"), (bare, "c")):
        commit(repo, lock(person))
    # A clone has no driver before `doctor --fix` or `init`: git marks the conflict in the file, which stops every DVC command.
    assert merged(bare, theirs) != 0
    assert "<<<<<<<" in (bare / LOCK).read_text(encoding="utf-8")
    assert merged(ours, theirs) == 0
    assert (ours / LOCK).read_text(encoding="utf-8") == lock("a")
    call("dataenvgym", "init", cwd=theirs)
    commit(ours, lock("d"))
    commit(theirs, lock("e"))
    assert merged(theirs, ours) == 0
    assert (theirs / LOCK).read_text(encoding="utf-8") == lock("e")


def test_what_init_would_bring_is_told(tmp_path: Path) -> None:
    call("git", "init", "-q", cwd=tmp_path)
    call("dvc", "init", "-q", cwd=tmp_path)
    told = {
        row["name"]: row
        for row in json.loads(
            call("dataenvgym", "doctor", "--json", cwd=tmp_path, ok=False).stdout
        )["checks"]
    }
    for name in (
        ".gitignore",
        ".dvcignore",
        "merge drivers",
        "specs",
        "schema for editors",
    ):
        assert not told[name]["ok"], name
        assert told[name]["help"].startswith("dataenvgym "), name
    call("dataenvgym", "init", cwd=tmp_path)
    told = {
        row["name"]: row
        for row in json.loads(call("dataenvgym", "doctor", "--json", cwd=tmp_path).stdout)["checks"]
    }
    assert all(
        told[name]["ok"]
        for name in (
            ".gitignore",
            ".dvcignore",
            "merge drivers",
            "specs",
            "schema for editors",
        )
    )


def test_without_git_its_absence_is_the_finding(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(repo)
    states = {finding.name: finding.ok for finding in examine()}
    assert (states["git"], states["merge drivers"]) == (False, False)
    with pytest.raises(UserError, match="the command 'git' is not installed"):
        scaffold(repo)


def brought_by(extra: str) -> set[str]:
    """An extra and those that it includes, as `pyproject.toml` has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = " ".join(project["optional-dependencies"][extra])
    included = re.findall(r"dataenvgym-spec\[(.+?)\]", requirements)
    return {extra}.union(*(brought_by(one) for names in included for one in names.split(",")))


def test_what_built_in_components_need_is_looked_for_and_their_extra_brings_it() -> None:
    """That of a machine without GPUs brings the same, but for its own build of a package."""
    found = {package.module: package.extra for package in PACKAGES}
    for kinds in definitions().values():
        for item in kinds.values():
            if item.distribution:
                continue
            brought = brought_by(item.extra) if item.extra else set()
            assert {found[package] for package in item.packages} <= brought, item.kind
            if item.cpu_extra is not None:
                here = brought_by(item.cpu_extra)
                assert brought - {item.extra} == here - {item.cpu_extra}, item.kind


def test_a_disk_that_is_nearly_full_is_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo)

    def told() -> Finding:
        return next(finding for finding in examine() if finding.name == "disk space")

    monkeypatch.setattr(doctor, "SCARCE", 0)
    assert told().ok
    monkeypatch.setattr(doctor, "SCARCE", 1 << 62)
    assert not told().ok
    assert f"GB free at {repo}" in told().detail
    assert "dataenvgym gc" in told().help


def test_large_files_that_git_would_take_are_told(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo)

    def told() -> Finding:
        return next(finding for finding in examine() if finding.name == "large files")

    assert told().ok
    (repo / "models").mkdir()
    with (repo / "models" / "weights.onnx").open("wb") as file:
        file.truncate(LARGE + 1)
    assert "models/weights.onnx" in told().detail
    assert told().help.startswith("dvc add models/weights.onnx")
    (repo / ".gitignore").write_text("/models\n", encoding="utf-8")
    assert told().ok


def test_each_key_that_a_spec_needs_is_named_and_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    one = {"kind": "openai", "model": "gpt"}
    other = {"kind": "openai", "model": "m", "provider": "lab", "key_env": "LAB_KEY"}
    for name, teachers in (("a", {"w": one}), ("b", {"w": one, "v": other}), ("c", {"w": other})):
        text = tiny(name=name, teachers=teachers)
        (tmp_path / "specs" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "specs" / "broken.yaml").write_text("version: [", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("LAB_KEY", "sk-planted-0123456789")
    found = {finding.name: finding for finding in examine()}
    missing, there = found["OPENAI_API_KEY"], found["LAB_KEY"]
    assert (missing.ok, missing.needed) == (False, False)
    assert missing.detail == "not set, a key for a.yaml, b.yaml"
    assert (there.ok, there.detail) == (True, "set, a key for b.yaml, c.yaml")
    assert "planted" not in str(found)


def test_a_policy_outside_is_allowed_here_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "specs" / "prompts").mkdir(parents=True)
    (tmp_path / "specs" / "prompts" / "tiny.j2").write_text(TEMPLATE, encoding="utf-8")
    text = tiny(agent={"policy": {"kind": "outside", "name": "mine", "power": None, "floor": None}})
    (tmp_path / "specs" / "tiny.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    told = {finding.name: finding for finding in examine()}["policy mine"]
    assert not told.ok and "neither DATAENVGYM_POLICY_MINE_COMMAND nor" in told.detail
    monkeypatch.setenv("DATAENVGYM_POLICY_MINE_URL", "http://user:planted@127.0.0.1")
    told = {finding.name: finding for finding in examine()}["policy mine"]
    assert not told.ok and "holds a user or a password" in told.detail
    assert "planted" not in str(told)
    monkeypatch.setenv("DATAENVGYM_POLICY_MINE_URL", "http://127.0.0.1")
    told = {finding.name: finding for finding in examine()}["policy mine"]
    assert (told.ok, told.detail) == (True, "allowed here, by an address")
    monkeypatch.setenv("DATAENVGYM_POLICY_MINE_KEY", "sk-planted\nof two lines")
    told = {finding.name: finding for finding in examine()}["DATAENVGYM_POLICY_MINE_KEY"]
    assert not told.ok and told.detail.startswith("set, but holds a line break")
    assert "planted" not in str(told)


def test_what_a_killed_dvc_has_left_is_told_and_removed(tmp_path: Path) -> None:
    call("dataenvgym", "init", cwd=tmp_path)
    (tmp_path / "dvc.yaml").write_text("stages: {one: {cmd: 'true'}}\n", encoding="utf-8")
    left = tmp_path / ".dvc" / "tmp" / "rwlock"
    left.parent.mkdir(exist_ok=True)
    left.write_text("", encoding="utf-8")
    assert "corrupted" in call("dvc", "repro", "one", cwd=tmp_path, ok=False).stderr
    assert left.name in call("dataenvgym", "doctor", cwd=tmp_path, ok=False).stdout
    assert "killed DVC" in call("dataenvgym", "doctor", "--fix", cwd=tmp_path).stdout
    assert "Running stage" in call("dvc", "repro", "one", cwd=tmp_path).stdout
