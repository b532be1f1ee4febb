"""What `dvc gc --workspace` would delete, by what git holds; plain repositories of git, no DVC."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from dataenvgym_spec.setup import collecting
from dataenvgym_spec.setup.collecting import SHORT, endangered, written
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call

STAGE, OTHER = "train-0123456789abcdef", "train-fedcba9876543210"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with an empty commit."""
    call("git", "init", "-q", "-b", "main", str(tmp_path / "repo"), cwd=tmp_path)
    repo = tmp_path / "repo"
    call("git", "config", "user.name", "A", cwd=repo)
    call("git", "config", "user.email", "a@example.com", cwd=repo)
    call("git", "commit", "-q", "--allow-empty", "-m", "first", cwd=repo)
    return repo


def digest_of(name: str) -> str:
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def text_of(result: str) -> str:
    """A lock as DVC writes it."""
    return (
        f"schema: '2.0'\nstages:\n  train:\n    cmd: x\n    deps:\n    - path: stage.json\n      md5: {digest_of('read')}\n"
        f"    outs:\n    - path: out\n      hash: md5\n      md5: {digest_of(result)}.dir\n      nfiles: 1\n"
    )


def put(root: Path, stage: str, result: str) -> None:
    """Gives a stage a result, in DVC's cache and in its lock."""
    digest = digest_of(result)
    place = root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / f"{digest[2:]}.dir"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    lock = root / "store" / stage / "dvc.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(text_of(result), encoding="utf-8")


def take(root: Path, stage: str) -> None:
    (root / "store" / stage / "dvc.lock").unlink()


def commit(root: Path) -> str:
    """Commits what is there but for the cache; the commit's short name."""
    call("git", "add", "-A", ".", ":!.dvc", cwd=root)
    call("git", "commit", "-qm", "x", "--allow-empty", cwd=root)
    return call("git", "rev-parse", "HEAD", cwd=root).stdout[:SHORT]


def found(root: Path) -> tuple[int, tuple[str, ...]]:
    lost = endangered(Layout(root=root))
    assert lost is not None and lost.is_whole
    return lost.stages, lost.names


def test_what_the_workspace_names_is_safe_and_what_the_cache_lacks_is_lost_already(
    repo: Path,
) -> None:
    put(repo, STAGE, "a")
    first = commit(repo)
    assert found(repo) == (0, ())
    take(repo, STAGE)
    commit(repo)
    assert found(repo) == (1, (f"commit {first}",))
    put(repo, OTHER, "a")
    assert found(repo) == (0, ()), "the same content under another stage"
    take(repo, OTHER)
    for path in (repo / ".dvc" / "cache").rglob("*.dir"):
        path.unlink()
    assert found(repo) == (0, ())


def test_a_stage_that_was_made_again_has_two_results(repo: Path) -> None:
    put(repo, STAGE, "a")
    first = commit(repo)
    put(repo, STAGE, "b")
    second = commit(repo)
    put(repo, STAGE, "c")
    commit(repo)
    assert found(repo) == (1, (f"commit {second}",)), "one stage, and the newest of its commits"
    put(repo, OTHER, "d")
    assert first not in str(found(repo))


def test_a_branch_is_named_before_a_commit(repo: Path) -> None:
    call("git", "checkout", "-qb", "side", cwd=repo)
    put(repo, STAGE, "a")
    commit(repo)
    call("git", "checkout", "-q", "main", cwd=repo)
    assert found(repo) == (1, ("'side'",))


@pytest.mark.parametrize("strategy", ["ours", "evil"])
def test_what_a_merge_left_out_or_wrote_itself_is_found(repo: Path, strategy: str) -> None:
    call("git", "checkout", "-qb", "side", cwd=repo)
    if strategy == "ours":
        put(repo, STAGE, "a")
    named = commit(repo)
    call("git", "checkout", "-q", "main", cwd=repo)
    put(repo, OTHER, "b")
    commit(repo)
    call("git", "merge", "-q", "--no-commit", "-s", "ours", "side", cwd=repo)
    if strategy == "evil":
        put(repo, STAGE, "a")
        named = commit(repo)
        take(repo, STAGE)
    commit(repo)
    call("git", "branch", "-qD", "side", cwd=repo)
    assert found(repo) == (1, (f"commit {named}",))


def test_a_detached_head_counts_and_what_dvc_does_right_now_does_not(repo: Path) -> None:
    call("git", "checkout", "-q", "--detach", cwd=repo)
    put(repo, STAGE, "a")
    named = commit(repo)
    call("git", "update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD", cwd=repo)
    take(repo, STAGE)
    commit(repo)
    assert found(repo) == (1, (f"commit {named}",))
    call("git", "checkout", "-q", "main", cwd=repo)
    assert found(repo) == (0, ())


def test_a_repository_may_be_a_folder_of_gits(repo: Path) -> None:
    root = repo / "below"
    root.mkdir()
    put(root, STAGE, "a")
    put(repo, OTHER, "b")
    named = commit(repo)
    take(root, STAGE)
    commit(repo)
    assert found(root) == (1, (f"commit {named}",))


def test_without_git_or_commits_nothing_is_lost(tmp_path: Path) -> None:
    assert found(tmp_path) == (0, ())
    call("git", "init", "-q", cwd=tmp_path)
    assert found(tmp_path) == (0, ())


def test_a_partial_clone_is_not_asked(repo: Path, tmp_path: Path) -> None:
    commit(repo)
    call("git", "config", "uploadpack.allowFilter", "true", cwd=repo)
    call("git", "clone", "-q", "--filter=blob:none", f"file://{repo}", "clone", cwd=tmp_path)
    assert endangered(Layout(root=tmp_path / "clone")) is None


def test_many_commits_take_as_many_processes_as_one(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    run = subprocess.run

    def counted(command: list[str], **more: object) -> object:
        asked.append(command)
        return run(command, **more)  # type: ignore[call-overload]

    commit(repo)
    monkeypatch.setattr("dataenvgym_spec.store.git.program.subprocess.run", counted)
    assert found(repo) == (0, ())
    once = len(asked)
    _import(repo, 300)
    asked.clear()
    stages, names = found(repo)
    assert stages == len(names) == 300
    # There was nothing to read before.
    assert len(asked) == once + 1 < 15
    monkeypatch.setattr(collecting, "MOST_COMMITS", 10)
    lost = endangered(Layout(root=repo))
    assert lost is not None and not lost.is_whole and lost.stages == 9, "and one that deletes"


def _import(repo: Path, count: int) -> None:
    """Commits many results, each of a stage that the next commit lacks; the workspace has none."""
    lines = []
    for number in range(count):
        text = text_of(str(number))
        put(repo, STAGE, str(number))
        head = "from refs/heads/main^0\n" if number == 0 else ""
        lines.append(
            f"commit refs/heads/main\ncommitter A <a@example.com> {number} +0000\ndata 0\n{head}deleteall\n"
        )
        lines.append(
            f"M 100644 inline store/train-{number:016x}/dvc.lock\ndata {len(text)}\n{text}\n"
        )
    lines.append(
        "commit refs/heads/main\ncommitter A <a@example.com> 9999 +0000\ndata 0\ndeleteall\n"
    )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=repo, input="".join(lines).encode(), check=True
    )
    take(repo, STAGE)


def test_only_what_was_written_counts() -> None:
    assert written(text_of("a").encode()) == {f"{digest_of('a')}.dir"}
    assert written(b"<<<<<<< HEAD\n") == set()
