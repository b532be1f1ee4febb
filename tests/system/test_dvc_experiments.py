"""Experiments of DVC: `dvc exp run` in the workspace, beside it and in the queue, and `dvc exp save`. See docs/dvc.md."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dataenvgym_spec.setup.hazards import SAFE_GC
from dataenvgym_spec.store.journal import Journal
from tests.support.bundles import with_results
from tests.support.hazards import actions, commit, locked, objects, warned, write
from tests.support.repositories import call, environment, new_repo, shell
from tests.support.runs import QUICK, install_quick_executors, planned, quick_path
from tests.support.specs import SMALL
from tests.support.stubs import at_work
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with results and a smaller test split since, compiled: three stages and the report have to run."""
    repo = new_repo(tmp_path_factory.mktemp("study") / "repo", SMALL)
    with (repo / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write(f"/{QUICK}\n")
    commit(with_results(repo))
    write(repo, SMALL.replace("per_group: 6", "per_group: 5"))
    call("dataenvgym", "compile", cwd=repo)
    return repo


@pytest.fixture
def edited(ready: Path, tmp_path: Path) -> Path:
    """A copy of it, with executors that only stand in."""
    repo = Path(shutil.copytree(ready, tmp_path / "repo", symlinks=True))
    install_quick_executors(repo / QUICK)
    return repo


def to_run(repo: Path) -> set[str]:
    """The directories of the stages that a plan says to run; the report's is empty."""
    return {row["directory"] for row in planned(repo) if row["action"] == "run"}


def has_run(repo: Path) -> list[str]:
    """The directories in which something was executed, in order; the report's is empty."""
    path = repo / QUICK / "executed.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def experiments(repo: Path) -> dict[str, set[str]]:
    """The experiments of DVC, with the stages of which each names the results."""
    found = {}
    for line in call("git", "for-each-ref", "refs/exps", cwd=repo).stdout.splitlines():
        saved, _, ref = line.split()
        if re.match(r"refs/exps/[0-9a-f]{2}/", ref):
            names = call("git", "ls-tree", "-r", "--name-only", saved, "store/", cwd=repo).stdout
            locks = [name for name in names.splitlines() if name.endswith("/dvc.lock")]
            found[ref.rpartition("/")[2]] = {name.split("/")[1] for name in locks}
    return found


def test_dvc_exp_run_has_no_parameter_to_set(edited: Path) -> None:
    done = call("dvc", "exp", "run", "-S", "loop.iterations=3", "tiny", cwd=edited, ok=False)
    assert done.returncode != 0 and "Could not override 'loop.iterations'" in done.stderr


def test_dvc_exp_run_in_the_workspace_is_dvc_repro_and_an_experiment(edited: Path) -> None:
    foreseen = to_run(edited)
    assert len(foreseen) == 4
    call("dvc", "exp", "run", "--name", "mine", "tiny", cwd=edited, **quick_path(edited))
    assert sorted(has_run(edited)) == sorted(foreseen)
    assert actions(edited).keys() == {"reuse"}
    # New stages are in the experiment, though nobody has added them to git.
    assert experiments(edited).keys() == {"mine"}
    assert experiments(edited)["mine"] == locked(edited) >= foreseen - {""}


def test_dvc_exp_save_takes_what_git_knows_of(edited: Path) -> None:
    new = to_run(edited) - {""}
    with_results(edited)
    # Without a target it wants the results of every stage in the workspace, of old ones too.
    refused = call("dvc", "exp", "save", cwd=edited, ok=False)
    assert refused.returncode and "does not exist" in refused.stderr
    call("dvc", "checkout", "-q", cwd=edited)
    call("dvc", "exp", "save", "--name", "part", "tiny", cwd=edited)
    call("git", "add", "-A", cwd=edited)
    call("dvc", "exp", "save", "--name", "whole", "tiny", cwd=edited)
    saved = experiments(edited)
    assert not saved["part"] & new and saved["whole"] >= new


@pytest.mark.slow
def test_dvc_exp_run_in_the_queue_runs_it_elsewhere(edited: Path) -> None:
    foreseen = to_run(edited)
    exp = ("dvc", "exp", "run")
    call(*exp, "--queue", "--name", "forgotten", "tiny", cwd=edited)
    call("git", "add", "-A", cwd=edited)
    call(*exp, "--queue", "--name", "added", "tiny", cwd=edited)
    assert has_run(edited) == []
    try:
        call(*exp, "--run-all", cwd=edited, apart=True, **quick_path(edited))
    finally:
        call("dvc", "queue", "stop", "--kill", cwd=edited, ok=False)
    wait_until(lambda: not at_work(edited), "the end of DVC's worker")
    assert sorted(has_run(edited)) == sorted(foreseen)
    # What was not in git when it was queued is not in the copy, in which that failed.
    assert experiments(edited).keys() == {"added"}
    assert experiments(edited)["added"] >= foreseen - {""}
    assert "run" not in actions(edited)


PAYS = """\
import os, time
from pathlib import Path
from dataenvgym_spec.records.responses import Response
from dataenvgym_spec.store.journal import Journal
from dataenvgym_spec.store.place import journal_file
Path("out/test").mkdir(parents=True)
Path("out/test/half").touch()
Journal(journal_file(os.environ)).keep([Response(key="k", stage="s", at=1.0, reply={})])
Path(os.environ["TOLD"]).touch()
time.sleep(600)
"""
"""What pays for a response and never ends."""


@pytest.mark.slow
def test_of_a_killed_dvc_exp_run_temp_the_unfinished_stage_is_lost(
    edited: Path, tmp_path: Path
) -> None:
    call("git", "add", "-A", cwd=edited)
    foreseen, quick, told = to_run(edited), edited / QUICK / "dataenvgym", tmp_path / "told"
    quick.rename(quick.with_name("quick"))
    script = (
        'case "$PWD" in */evaluate-*) exec "$PYTHON" -c "$PAYS";; esac\nexec "$QUICK/quick" "$@"\n'
    )
    quick.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    quick.chmod(0o755)
    # The journal is where it is for everybody who says nothing.
    variables = {
        "TOLD": str(told),
        "PAYS": PAYS,
        "PYTHON": sys.executable,
        "QUICK": str(quick.parent),
    }
    variables |= {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "DATAENVGYM_JOURNAL": ""}
    environ = environment(shared=False, **quick_path(edited), **variables)
    command = ["dvc", "exp", "run", "--temp", "tiny"]
    run = subprocess.Popen(command, cwd=edited, env=environ, start_new_session=True)
    try:
        wait_until(told.exists, "the response", run)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    wait_until(lambda: not at_work(edited), "the end of what was killed")
    # The copy stays, and nothing goes on from there.
    (half,) = (edited / ".dvc" / "tmp" / "exps" / "standalone").glob("tmp*/store/*/out/test/half")
    assert experiments(edited) == {}
    assert Journal(tmp_path / "dataenvgym" / "journal.sqlite").known(["k"]) == {"k"}
    (finished,) = has_run(edited)
    assert to_run(edited) == foreseen - {finished}
    quick.with_name("quick").replace(quick)
    call("dvc", "exp", "run", "--temp", "tiny", cwd=edited, apart=True, **quick_path(edited))
    assert sorted(has_run(edited)) == sorted(foreseen), "the finished one was restored"
    assert half.is_file() and "run" not in actions(edited)


@pytest.mark.slow
def test_dvc_exp_run_runs_what_dvc_repro_runs_and_dvc_gc_forgets_it(quick_copy: Path) -> None:
    repo = quick_copy
    (repo / ".gitignore").open("a", encoding="utf-8").write(f"/{QUICK}\n")
    commit(repo)
    path = repo / "specs" / "tiny.yaml"
    changed = path.read_text(encoding="utf-8").replace("floor: 0.2", "floor: 0.8")
    write(repo, changed)
    call("dataenvgym", "compile", cwd=repo)
    foreseen = actions(repo)
    before = (repo / QUICK / "executed.txt").read_text(encoding="utf-8").splitlines()
    call("git", "add", "-A", cwd=repo)
    exp = ("dvc", "exp")
    call(*exp, "run", "--temp", "tiny", cwd=repo, apart=True, **quick_path(repo))
    after = (repo / QUICK / "executed.txt").read_text(encoding="utf-8").splitlines()
    assert len(after) - len(before) == foreseen["run"]
    # It ran elsewhere: here is what was before, and the cache has the results.
    assert "run" not in actions(repo) and actions(repo)["restore"] > 5
    name = call(*exp, "list", "--name-only", cwd=repo).stdout.split()[0]
    call("git", "reset", "-q", "--hard", cwd=repo)
    call("git", "clean", "-fdxq", "-e", f"/{QUICK}", "-e", "/.dvc", cwd=repo)
    assert f"that only '{name}' has" in warned(repo)["dvc gc"]["detail"]
    held = objects(repo / ".dvc" / "cache")
    shell(f"{SAFE_GC} --force", cwd=repo)
    assert objects(repo / ".dvc" / "cache") == held
    call(*exp, "apply", name, cwd=repo, apart=True)
    assert actions(repo).keys() == {"reuse"}
    call("git", "reset", "-q", "--hard", cwd=repo)
    call("git", "clean", "-fdxq", "-e", f"/{QUICK}", "-e", "/.dvc", cwd=repo)
    # Commits are not experiments of DVC.
    call("dvc", "gc", "--all-commits", "--force", cwd=repo)
    assert objects(repo / ".dvc" / "cache") < held
