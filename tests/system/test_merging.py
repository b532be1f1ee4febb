"""Two people change arms, iterations and results of one study in branches; a pull request says what that means."""

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.cli.markdown import MARK
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


UPLOAD = "actions/upload-artifact@v4"
EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
GH = """
import json, os, shutil, subprocess, sys
from pathlib import Path

# What GitHub's own program does with the calls of the workflow, on comments in a file.
file, (command, *words) = Path("comments.json"), sys.argv[1:]
assert command == "api"
comments = json.loads(file.read_text())
place, = [word for word in words if word.startswith("repos/")]
assert place.startswith("repos/owner/study/issues/")
if "--jq" in words:
    assert place.endswith("/issues/7/comments") and "--paginate" in words
    query = words[words.index("--jq") + 1]
    if shutil.which("jq"):
        done = subprocess.run(["jq", "-r", query], input=json.dumps(comments), text=True, check=True)
    else:
        mark = query.partition('startswith("')[2].partition('")')[0]
        own = [one for one in comments if one["user"]["login"] == "github-actions[bot]"]
        print(*[one["id"] for one in own if one["body"].startswith(mark)], sep=os.linesep)
    sys.exit()
field = words[words.index("--field") + 1]
assert field.startswith("body=@")
body = Path(field.removeprefix("body=@")).read_text()
if words[words.index("--method") + 1] == "PATCH":
    one, = [one for one in comments if place.endswith(f"/issues/comments/{one['id']}")]
    one["body"] = body
else:
    assert place.endswith("/issues/7/comments")
    comments.append({"id": 3, "user": {"login": "github-actions[bot]"}, "body": body})
file.write_text(json.dumps(comments))
"""


def test_the_workflow_says_what_a_branch_means(origin: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(origin), str(clone), cwd=tmp_path)
    for key, value in (("name", "C"), ("email", "c@example.com")):
        call("git", "config", f"user.{key}", value, cwd=clone)
    call("git", "checkout", "-qb", "longer", cwd=clone)
    edit(clone, MORE)
    ran = steps(clone, tmp_path)
    assert ran == {"specs": "success", "files": "failure", "meaning": "success", UPLOAD: "success"}
    said = summary(clone)
    assert "loop.iterations: 1 -> 2" in said
    assert said.endswith(
        "\n`dataenvgym validate`: success, `dataenvgym compile --check`: failure\n"
    )
    call("dataenvgym", "compile", cwd=clone)
    commit(clone)
    assert set(steps(clone, tmp_path).values()) == {"success"}
    said = summary(clone)
    assert said.startswith(MARK)
    assert (tmp_path / "page.md").read_text(encoding="utf-8").endswith(said)
    assert "loop.iterations: 1 -> 2" in said
    assert "Experiments, against `origin/main`: **1 changed**." in said


def test_the_workflow_says_what_is_wrong_with_a_spec(origin: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(origin), str(clone), cwd=tmp_path)
    edit(clone, ("iterations: 1", "iteration: 1"))
    ran = steps(clone, tmp_path)
    assert ran == {"specs": "failure", "files": "failure", "meaning": "failure", UPLOAD: "success"}
    said = summary(clone)
    assert said.startswith(MARK) and "specs/tiny.yaml:" in said and "'iterations'" in said
    # Where even the base is missing, there is a text, which is found the next time.
    call("git", "remote", "rename", "origin", "other", cwd=clone)
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    (meaning,) = [one for one in workflow["jobs"]["study"]["steps"] if one.get("id") == "meaning"]
    assert outcome(meaning, clone, tmp_path, ran) == "failure"
    assert summary(clone).startswith(f"{MARK}\nWhat this changes could not be found out")


def summary(clone: Path) -> str:
    return (clone / "summary.md").read_text(encoding="utf-8")


def steps(clone: Path, folder: Path) -> dict[str, str]:
    """Runs the steps of the workflow that need neither a registry nor GitHub; their outcomes."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    outcomes: dict[str, str] = {}
    for step in workflow["jobs"]["study"]["steps"]:
        name, command = step.get("id") or step.get("uses") or "", step.get("run")
        # No text of a pull request stands in a command.
        assert command is None or "${{" not in command
        if not applies(step.get("if"), outcomes):
            outcomes[name] = "skipped"
        elif command is None:
            outcomes[name] = "success"
        elif name == "install":
            # Without the variable, nothing that somebody registered under a bare name is installed.
            refused = call("bash", "-e", "-c", command, cwd=clone, ok=False, PACKAGE="")
            assert refused.returncode
            assert "set the repository variable DATAENVGYM_SPEC" in refused.stderr
            outcomes[name] = "success"
        else:
            outcomes[name] = outcome(step, clone, folder, outcomes)
    shown = ("specs", "files", "meaning", UPLOAD)
    return {name: outcomes[name] for name in shown}


def outcome(step: dict[str, Any], clone: Path, folder: Path, before: dict[str, str]) -> str:
    """Runs a step as GitHub does."""
    values = filled(step.get("env", {}), before)
    values["GITHUB_STEP_SUMMARY"] = str(folder / "page.md")
    done = call("bash", "-e", "-c", step["run"], cwd=clone, ok=False, **values)
    return "failure" if done.returncode else "success"


def applies(condition: str | None, outcomes: dict[str, str]) -> bool:
    """Whether GitHub runs a step: by itself, only one before which none has failed."""
    if condition is None:
        return "failure" not in outcomes.values()
    inner = EXPRESSION.fullmatch(condition)
    assert inner is not None, "a '!' begins a tag of YAML"
    return all(holds(part, outcomes) for part in inner[1].split(" && "))


def holds(part: str, outcomes: dict[str, str]) -> bool:
    if part == "!cancelled()":
        return True
    name, sign, value = re.fullmatch(r"steps\.(\w+)\.outcome (==|!=) '(\w+)'", part).groups()  # type: ignore[union-attr]
    return (outcomes[name] == value) == (sign == "==")


def filled(values: dict[str, str], outcomes: dict[str, str]) -> dict[str, str]:
    """The variables of a step with what GitHub puts into them."""
    known = {"github.base_ref": "main", "github.token": "t", "github.repository": "owner/study"}
    known |= {"github.event.number": "7"}
    known |= {f"steps.{name}.outcome": outcome for name, outcome in outcomes.items()}
    return {
        name: EXPRESSION.sub(lambda one: known[one[1]], value) for name, value in values.items()
    }


def test_what_may_write_comments_installs_nothing_and_runs_none_of_the_branch() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "permissions" in job] == ["comment"]
    # It has a token: no fork gets it. It comes also when the study's job has failed.
    condition = EXPRESSION.fullmatch(jobs["comment"]["if"])
    assert condition is not None
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    assert condition[1].split(" && ") == ["!cancelled()", same]
    used = [step["uses"] for step in jobs["comment"]["steps"] if "uses" in step]
    assert used == ["actions/download-artifact@v4"]
    (command,) = [step["run"] for step in jobs["comment"]["steps"] if "run" in step]
    called = {"ids=$(gh", "last=${ids##*$'\\n'}", "if", "gh", "else", "fi"}
    assert {line.split()[0] for line in command.splitlines()} == called and "${{" not in command


def test_the_comment_of_the_last_time_is_written_over_and_no_other(tmp_path: Path) -> None:
    jobs = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]
    (step,) = [step for step in jobs["comment"]["steps"] if "run" in step]
    (tmp_path / "gh").write_text(f"#!{sys.executable}\n{GH}", encoding="utf-8")
    (tmp_path / "gh").chmod(0o755)
    values = {**filled(step["env"], {}), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    bot, person = {"login": "github-actions[bot]"}, {"login": "somebody"}

    def commented(text: str, before: list[dict[str, object]]) -> list[dict[str, object]]:
        (tmp_path / "comments.json").write_text(json.dumps(before), encoding="utf-8")
        (tmp_path / "summary.md").write_text(text, encoding="utf-8")
        call("bash", "-e", "-c", step["run"], cwd=tmp_path, **values)
        found: list[dict[str, object]] = json.loads((tmp_path / "comments.json").read_text())
        return found

    others: list[dict[str, object]] = [
        {"id": 1, "user": person, "body": f"{MARK}\nread this instead"},
        {"id": 2, "user": bot, "body": "another workflow"},
    ]
    first = commented(f"{MARK}\nfirst\n", others)
    assert first == [*others, {"id": 3, "user": bot, "body": f"{MARK}\nfirst\n"}]
    later = {"id": 4, "user": bot, "body": f"a third workflow, which quotes {MARK}"}
    second = commented(f"{MARK}\nsecond\n", [*first, later])
    assert second == [*others, {"id": 3, "user": bot, "body": f"{MARK}\nsecond\n"}, later]
