"""Two people change arms, iterations and results of one study in branches; a pull request says what that means."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.support.bundles import with_results
from tests.support.repositories import ROOT, call, expect_refusal, new_repo, shell
from tests.support.specs import SMALL

WORKFLOW = ROOT / "docs" / "examples" / "pull-request.yaml"
ARMS = SMALL.replace("  main: {agent: {observe: nothing}}\n", "  with-state: {}\n  no-state: {agent: {observe: nothing}}\n")  # fmt: skip


def edit(repo: Path, *changes: tuple[str, str]) -> None:
    path = repo / "specs" / "tiny.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def commit(repo: Path) -> None:
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "x", "--allow-empty", cwd=repo)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed study with results. Not to be changed; copy it."""
    repo = with_results(new_repo(tmp_path_factory.mktemp("origin") / "repo", ARMS))
    commit(repo)
    return repo


@pytest.fixture
def pair(origin: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Two people's clones."""
    first, second = (
        Path(shutil.copytree(origin, tmp_path / name, symlinks=True)) for name in ("ours", "theirs")
    )
    return first, second


def merge(ours: Path, theirs: Path) -> int:
    """Merges, and has the results of both, as with a remote."""
    shutil.copytree(theirs / ".dvc" / "cache", ours / ".dvc" / "cache", dirs_exist_ok=True)
    call("git", "fetch", "-q", str(theirs), "main", cwd=ours)
    return call("git", "merge", "-q", "--no-edit", "FETCH_HEAD", cwd=ours, ok=False).returncode


def actions(repo: Path) -> dict[str, int]:
    """How many stages are run, restored and so on."""
    head = call("dataenvgym", "plan", "tiny", cwd=repo).stdout.splitlines()[0]
    counts = head.partition(": ")[2].split(", ")
    return {word: int(count) for count, _, word in (text.partition(" ") for text in counts)}


ARM = ("  no-state: {agent", "  even: {agent: {policy: {kind: even}}}\n  no-state: {agent")
MORE = ("iterations: 1", "iterations: 2")
SUMMARY = ("description: A spec", "description: The spec")


def test_an_arm_and_iterations_merge_with_their_results(pair: tuple[Path, Path]) -> None:
    """Both made the second iteration of the arms that they share, so their locks differ."""
    ours, theirs = pair
    edit(ours, ARM, MORE)
    edit(theirs, SUMMARY, MORE)
    for repo, by in ((ours, " by A"), (theirs, " by B")):
        with_results(repo, by)
        commit(repo)
    shared = {path.name for path in theirs.glob("store/*") if (ours / "store" / path.name).exists()}
    differing = [
        name
        for name in shared
        if (ours / "store" / name / "dvc.lock").read_bytes()
        != (theirs / "store" / name / "dvc.lock").read_bytes()
    ]
    assert len(differing) > 10
    for mine, other in ((ours, theirs), (theirs, ours)):
        assert merge(mine, other) == 0
        call("dataenvgym", "compile", cwd=mine)
        commit(mine)
        # Everything that either has made is there; only the report is of both.
        assert actions(mine).get("run") == 1
        assert "maybe" not in actions(mine) and actions(mine)["restore"] > 30
    assert call("git", "diff", "FETCH_HEAD", "--stat", "--", "specs", cwd=theirs).stdout == ""
    assert (ours / "specs" / "tiny.yaml").read_bytes() == (
        theirs / "specs" / "tiny.yaml"
    ).read_bytes()


def test_two_numbers_of_iterations_conflict_in_the_spec_alone(pair: tuple[Path, Path]) -> None:
    ours, theirs = pair
    edit(ours, ("iterations: 1", "iterations: 2"))
    edit(theirs, ("iterations: 1", "iterations: 3"))
    for repo in pair:
        with_results(repo)
        commit(repo)
    assert merge(ours, theirs) == 1
    conflicts = call("git", "diff", "--name-only", "--diff-filter=U", cwd=ours).stdout.split()
    assert conflicts == ["specs/tiny.yaml"]
    for command in ("validate", "compile", "plan", "status"):
        result = call("dataenvgym", command, cwd=ours, ok=False)
        if command != "status":
            expect_refusal(
                result, "specs/tiny.yaml", "E002", "git left a conflict here", "keep one"
            )
    call("git", "checkout", "-q", "--theirs", "specs/tiny.yaml", cwd=ours)
    call("dataenvgym", "compile", cwd=ours)
    commit(ours)
    # Their results are all there; the report of ours, whose lock was kept, is made once more.
    assert actions(theirs) == {"restore": 46}
    assert actions(ours) == {"restore": 45, "run": 1}


def test_without_the_drivers_a_lock_says_how_to_go_on(pair: tuple[Path, Path]) -> None:
    ours, theirs = pair
    for repo, by in ((ours, " by A"), (theirs, " by B")):
        (lock,) = repo.glob("store/skills-*/dvc.lock")
        lock.unlink()
        (repo / "dvc.lock").unlink()
        with_results(repo, by)
        commit(repo)
        shell("git config --remove-section merge.dataenvgym-lock", cwd=repo)
    assert merge(ours, theirs) == 1
    call("dataenvgym", "compile", cwd=ours)
    result = call("dataenvgym", "plan", "tiny", cwd=ours, ok=False)
    expect_refusal(result, "holds the marks of a merge conflict", "git checkout --theirs")
    shell("git checkout -q --theirs store/*/dvc.lock dvc.lock", cwd=ours, ok=False)
    if "<<<<<<<" in (ours / "dvc.lock").read_text(encoding="utf-8"):
        (ours / "dvc.lock").unlink()
    assert "restore" in actions(ours)


# --- a pull request -------------------------------------------------------------------------------


def test_the_workflow_says_what_a_branch_means(origin: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(origin), str(clone), cwd=tmp_path)
    for key, value in (("name", "C"), ("email", "c@example.com")):
        call("git", "config", f"user.{key}", value, cwd=clone)
    call("git", "checkout", "-qb", "longer", cwd=clone)
    edit(clone, MORE)
    ran = steps(clone, tmp_path)
    assert ran["files that compile writes"] == 2, "the files of the old spec are told"
    call("dataenvgym", "compile", cwd=clone)
    commit(clone)
    ran = steps(clone, tmp_path)
    assert ran == {
        "all that is wrong with specs": 0,
        "files that compile writes": 0,
        "what it means": 0,
    }
    said = (clone / "summary.md").read_text(encoding="utf-8")
    assert (tmp_path / "page.md").read_text(encoding="utf-8").endswith(said)
    assert "loop.iterations: 1 -> 2" in said
    assert "Experiments, against `origin/main`: **1 changed**." in said


def steps(clone: Path, folder: Path) -> dict[str, int]:
    """Runs the steps of the workflow that need neither a registry nor GitHub; their exit codes."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    ran = {}
    for step in [step for job in jobs.values() for step in job["steps"]]:
        command = step.get("run", "")
        # No text of a pull request stands in a command.
        assert "${{" not in command
        if command.startswith("python -m pip"):
            # Without the variable, nothing that somebody registered under a bare name is installed.
            refused = call("bash", "-e", "-c", command, cwd=clone, ok=False, PACKAGE="")
            assert refused.returncode
            assert "set the repository variable DATAENVGYM_SPEC" in refused.stderr
        if not command or command.startswith(("python -m pip", "gh ")):
            continue
        values = {name: value.replace("${{ github.base_ref }}", "main") for name, value in step.get("env", {}).items()}  # fmt: skip
        values["GITHUB_STEP_SUMMARY"] = str(folder / "page.md")
        # As GitHub calls it.
        done = call("bash", "-e", "-c", command, cwd=clone, ok=False, **values)
        ran[step["name"]] = done.returncode
    # What may write installs nothing, runs none of the branch, and has one command.
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "permissions" in job] == ["comment"]
    (comment,) = [step["run"] for step in jobs["comment"]["steps"] if "run" in step]
    assert comment.startswith("gh pr comment ")
    assert comment.endswith("--body-file summary.md")
    return ran
