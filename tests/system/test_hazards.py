"""What git and DVC do to results: the tool says so before, and helps afterwards. See docs/dvc.md."""

import re
import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.setup.collecting import SHORT
from dataenvgym_spec.setup.hazards import SAFE_GC
from tests.support.bundles import with_results
from tests.support.hazards import actions, advised, commit, locked, objects, warned, write
from tests.support.repositories import call, expect_refusal, new_repo, shell
from tests.support.runs import QUICK, executed
from tests.support.specs import SMALL

LONGER = SMALL.replace("iterations: 1", "iterations: 2")
OTHER = LONGER.replace("iterations: 2", "iterations: 3")


def with_remote(repo: Path, url: str = "") -> Path:
    """Pushes the results of all branches to a remote beside a repository."""
    storage = repo.parent / "storage"
    storage.mkdir()
    call("dvc", "remote", "add", "-q", "--default", "storage", url or str(storage), cwd=repo)
    commit(repo)
    call("dvc", "push", "-q", cwd=repo)
    if "longer" in call("git", "branch", cwd=repo).stdout:
        call("git", "checkout", "-q", "longer", cwd=repo)
        call("git", "merge", "-q", "main", cwd=repo)
        call("dvc", "push", "-q", cwd=repo)
        call("git", "checkout", "-q", "main", cwd=repo)
    return storage


@pytest.fixture(scope="module")
def two_branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with results on `main`, and a longer one on `longer`. Not to be changed; copy it."""
    repo = with_results(new_repo(tmp_path_factory.mktemp("study") / "repo", SMALL))
    commit(repo)
    call("git", "checkout", "-qb", "longer", cwd=repo)
    write(repo, LONGER)
    with_results(repo)
    commit(repo)
    call("git", "checkout", "-q", "main", cwd=repo)
    return repo


@pytest.fixture
def study(two_branches: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_branches, tmp_path / "repo", symlinks=True))


# --- dvc gc ---------------------------------------------------------------------------------------


def test_dvc_gc_deletes_what_only_another_branch_names(study: Path) -> None:
    finding = warned(study)["dvc gc"]
    only = call("git", "ls-tree", "-r", "--name-only", "longer", "store/", cwd=study).stdout
    lost = {line.split("/")[1] for line in only.splitlines()} - locked(study)
    assert len(lost) > 5
    assert f"results of {len(lost)} stages that only 'longer' has" in finding["detail"]
    assert advised(finding) == SAFE_GC
    before = objects(study / ".dvc" / "cache")
    shell(f"{SAFE_GC} --force", cwd=study)
    assert objects(study / ".dvc" / "cache") == before
    call("dvc", "gc", "--workspace", "--force", cwd=study)
    assert actions(study).keys() == {"restore"}
    call("git", "checkout", "-q", "longer", cwd=study)
    # The report is made again, too.
    assert actions(study)["run"] == len(lost) + 1


def test_dvc_gc_deletes_what_only_an_earlier_commit_names(study: Path) -> None:
    call("git", "checkout", "-q", "longer", cwd=study)
    longer = locked(study)
    call("git", "revert", "--no-edit", "HEAD", cwd=study)
    lost = longer - locked(study)
    commit = call("git", "rev-parse", "HEAD~1", cwd=study).stdout[:SHORT]
    finding = warned(study)["dvc gc"]
    assert f"results of {len(lost)} stages that only commit {commit} has" in finding["detail"]
    cache = study / ".dvc" / "cache"
    before = objects(cache)
    shell(f"{advised(finding)} --force", cwd=study)
    assert objects(cache) == before and "dvc gc" in warned(study)
    call("dvc", "gc", "--workspace", "--force", cwd=study)
    assert objects(cache) < before and "dvc gc" not in warned(study)


@pytest.mark.slow
def test_dvc_gc_of_the_cloud_in_a_shallow_clone_deletes_what_others_pushed(study: Path) -> None:
    storage = with_remote(study)
    before = objects(storage)
    clones = [study.parent / name for name in ("careful", "careless")]
    for clone in clones:
        call("git", "clone", "-q", "--depth", "1", f"file://{study}", str(clone), cwd=study)
    careful, careless = clones
    # What it can do, it does: plan and fetch.
    assert actions(careful, "--pull").keys() == {"restore"}
    finding = warned(careful)["history"]
    assert finding["detail"].startswith("shallow: it does not say when contrasts were declared")
    shell(advised(finding), cwd=careful)
    assert "history" not in warned(careful)
    shell(f"echo y | {SAFE_GC} --cloud", cwd=careful)
    assert objects(storage) == before
    shell("dvc gc --all-branches --cloud --force", cwd=careless)
    assert objects(storage) < before
    shutil.rmtree(study / ".dvc" / "cache")
    call("git", "checkout", "-q", "longer", cwd=study)
    assert actions(study, "--pull")["run"] > 5


@pytest.mark.slow
def test_dvc_gc_of_the_cloud_by_force_deletes_what_its_cache_cannot_list(study: Path) -> None:
    """DVC does not find a remote at a relative path when it looks at another revision."""
    storage = with_remote(study, "../storage")
    before = objects(storage)
    clone = study.parent / "clone"
    call("git", "clone", "-q", str(study), str(clone), cwd=study)
    shell(f"{SAFE_GC} --cloud --force", cwd=clone)
    assert objects(storage) < before


# --- branches -------------------------------------------------------------------------------------


def test_a_switch_of_branches_leaves_results_that_are_safe_to_remove(study: Path) -> None:
    call("git", "checkout", "-q", "longer", cwd=study)
    call("dvc", "checkout", "-q", cwd=study)
    longer = locked(study)
    call("git", "checkout", "-q", "main", cwd=study)
    left = {path.parent.name for path in study.glob("store/*/out")} - locked(study)
    assert left == longer - locked(study)
    assert "run" not in actions(study)
    said = call("dataenvgym", "gc", "--all-branches", cwd=study, ok=False).stdout
    assert "nothing to remove" in said
    said = call("dataenvgym", "gc", "--yes", cwd=study).stdout
    assert f"removed {len(left)} stages" in said and SAFE_GC in said
    assert "made again" not in said
    call("git", "checkout", "-q", "longer", cwd=study)
    assert "run" not in actions(study)


@pytest.mark.slow
def test_of_what_a_switch_leaves_the_cache_may_have_lost_something(study: Path) -> None:
    call("git", "checkout", "-q", "longer", cwd=study)
    call("dvc", "checkout", "-q", cwd=study)
    longer = locked(study)
    call("git", "checkout", "-q", "main", cwd=study)
    (name,) = [name for name in longer - locked(study) if name.startswith("train-")]
    (result,) = (study / "store" / name / "out").rglob("content.txt")
    content = result.read_bytes()
    (same,) = [
        path
        for path in (study / ".dvc" / "cache" / "files").rglob("*")
        if path.is_file() and path.read_bytes() == content
    ]
    same.unlink()
    said = call("dataenvgym", "gc", cwd=study, ok=False).stdout
    assert "1 of them would have to be made again" in said and f"store/{name}" in said


# --- git clean ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_git_clean_takes_locks_whose_results_the_run_cache_knows(quick_copy: Path) -> None:
    everything = locked(quick_copy)
    call("git", "clean", "-fdq", "-e", f"/{QUICK}", cwd=quick_copy)
    assert locked(quick_copy) == set()
    assert executed(quick_copy) == set()
    assert locked(quick_copy) == everything


def test_git_clean_x_takes_the_cache_and_unfinished_work_and_a_remote_has_the_rest(
    study: Path,
) -> None:
    everything = locked(study)
    assert "which 'git clean -dx' deletes" in warned(study)["copy of results"]["detail"]
    storage = study.parent / "storage"
    call("dvc", "remote", "add", "-q", "--default", "storage", str(storage), cwd=study)
    told = warned(study)["copy of results"]
    assert f"'storage' lacks the results of {len(everything)} stages" in told["detail"]
    assert "which 'git clean -dx' deletes" in told["detail"]
    call("dvc", "remote", "remove", "storage", cwd=study)
    with_remote(study)
    assert "copy of results" not in warned(study)
    unfinished = study / ".dataenvgym" / "scratch" / "train-0123456789abcdef" / "work"
    unfinished.mkdir(parents=True)
    (unfinished / "checkpoint").touch()
    call("git", "clean", "-fdxq", cwd=study)
    assert not unfinished.exists() and not (study / ".dvc" / "cache").exists()
    assert locked(study) == everything
    said = call("dataenvgym", "plan", "tiny", cwd=study).stdout
    assert f"{len(everything) + 1} run" in said.splitlines()[0]
    assert "made before may be on the remote: dataenvgym plan --pull tiny" in said
    refused = call("dataenvgym", "report", "tiny", cwd=study, ok=False)
    expect_refusal(refused, "were made and are not in this clone", "dvc repro --pull tiny")
    assert "Running stage" not in call("dvc", "repro", "--pull", "tiny", cwd=study).stdout


def test_a_journal_in_the_repository_is_told_and_git_clean_deletes_it(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    inside, outside = study / "journal", tmp_path / "journal"
    (study / "empty.jsonl").touch()
    for folder in (inside, outside):
        variables = {"DATAENVGYM_JOURNAL": str(folder)}
        call("dataenvgym", "journal", "import", "empty.jsonl", cwd=study, **variables)
        assert (folder / "journal.sqlite").is_file()
        assert ("journal" in warned(study, **variables)) == (folder == inside)
    told = warned(study, DATAENVGYM_JOURNAL=str(inside))["journal"]
    assert f"'git clean -dx' in {study} deletes paid responses" in told["detail"]
    call("git", "clean", "-fdxq", cwd=study)
    assert not inside.exists() and (outside / "journal.sqlite").is_file()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = warned(study, DATAENVGYM_JOURNAL=str(outside))["journal"]
    assert "a temporary folder" in told["detail"]


# --- worktrees ------------------------------------------------------------------------------------


def test_a_worktree_sees_results_when_it_shares_the_cache_and_dvc_gc_knows_of_it(
    study: Path,
) -> None:
    tree = study.parent / "tree"
    call("git", "worktree", "add", "-q", str(tree), "longer", cwd=study)
    assert actions(tree).keys() == {"run"}
    finding = warned(tree)["worktree"]
    assert f"results of {study} are not seen" in finding["detail"]
    assert "shared cache" not in warned(study)
    shell(advised(finding), cwd=tree)
    assert "worktree" not in warned(tree)
    assert actions(tree).keys() == {"restore"}
    # What is not committed there, no revision names.
    write(tree, OTHER)
    with_results(tree)
    shutil.copytree(tree / ".dvc" / "cache", study / ".dvc" / "cache", dirs_exist_ok=True)
    assert actions(tree).keys() == {"restore"}
    told = warned(study)["shared cache"]
    assert advised(told) == f"{SAFE_GC} --projects {tree}"
    shell(f"{advised(told)} --force", cwd=study)
    assert actions(tree).keys() == {"restore"}
    shell(f"{SAFE_GC} --force", cwd=study)
    assert actions(tree)["run"] > 5


def test_a_cache_outside_of_the_repository_may_be_anybodys(study: Path) -> None:
    (study.parent / "cache").mkdir()
    call("dvc", "config", "--local", "cache.dir", "../cache", cwd=study)
    told = warned(study)["shared cache"]
    assert told["detail"].startswith(str(study.parent / "cache"))
    assert advised(told) == f"{SAFE_GC} --projects FOLDER"


# --- a part of the results --------------------------------------------------------------------------


def test_a_clone_in_which_one_experiment_was_pulled_says_what_the_others_lack(
    tmp_path: Path, empty_database: Path
) -> None:
    repo = new_repo(tmp_path / "repo", SMALL)
    second = SMALL.replace("name: tiny", "name: second").replace("floor: 0.2", "floor: 0.8")
    write(repo, second.replace("per_group: 6", "per_group: 5"), "second")
    commit(with_results(repo))
    with_remote(repo)
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(repo), str(clone), cwd=tmp_path)
    fetched = call("dvc", "repro", "--pull", "tiny", cwd=clone).stdout
    assert "Running stage" not in fetched
    assert actions(clone).keys() == {"reuse"}
    said = call("dataenvgym", "plan", "second", cwd=clone).stdout
    missing = int(re.findall(r"^second: (\d+) run", said)[0])
    assert missing > 3
    assert "made before may be on the remote: dataenvgym plan --pull second" in said
    said = call("dataenvgym", "plan", "--pull", "second", cwd=clone).stdout
    assert f"second: {missing} restore" in said and "may be on the remote" not in said
    remedy = "were made and are not in this clone", "run: dvc repro --pull second"
    shutil.copy(empty_database, clone)
    for command in ("status", "track"):
        done = call("dataenvgym", command, "second", cwd=clone, together=True)
        expect_refusal(done, *remedy, code=0)
    refused = call("dataenvgym", "report", "second", cwd=clone, ok=False)
    expect_refusal(refused, "'second' has no results on the sealed test yet", *remedy)
    call("dvc", "remote", "remove", "storage", cwd=clone)
    refused = call("dataenvgym", "report", "second", cwd=clone, ok=False)
    expect_refusal(refused, "run: dvc repro second", "no remote is known")
