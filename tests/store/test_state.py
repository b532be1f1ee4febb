"""A contract with DVC.

What `store.dvc.state` reads is what the installed DVC writes, and `plan` agrees with `dvc repro`.
"""

import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.emit.stages import address
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.dvc.state import hash_of, read_lock
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call
from tests.support.runs import executed, planned


def line_of(path: Path, text: str) -> int:
    return next(
        number
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
        if text in line
    )


def test_hashes_are_those_of_the_lock(quickly_finished: Path) -> None:
    seen = Counter()
    for folder in sorted((quickly_finished / "store").iterdir()):
        lock = read_lock(folder / "dvc.lock", folder.name.rpartition("-")[0])
        assert lock is not None
        for path, digest in {**lock.deps, **lock.outs}.items():
            assert hash_of(folder / path) == digest, path
            seen[digest.endswith(".dir")] += 1
            assert path in lock.deps or Disk(Layout(root=quickly_finished)).cached(digest)
    assert seen[True] > 50
    assert seen[False] > 20


def test_the_run_cache_is_found_under_its_key(quickly_finished: Path) -> None:
    disk = Disk(Layout(root=quickly_finished))
    for folder in sorted((quickly_finished / "store").iterdir()):
        lock = read_lock(folder / "dvc.lock", folder.name.rpartition("-")[0])
        found = disk.run_cache(lock.cmd, lock.deps, list(lock.outs))
        assert found is not None
        assert found.outs == lock.outs


def test_a_finished_experiment_plans_and_runs_nothing_and_touches_nothing(
    quick_copy: Path,
) -> None:
    assert {row["action"] for row in planned(quick_copy)} == {"reuse"}

    def listing() -> dict[str, tuple[int, int]]:
        inside = (".dvc/tmp", ".git/", ".dvc/cache/runs")
        paths = (path for path in quick_copy.rglob("*") if path.is_file())
        return {
            str(name): (path.stat().st_mtime_ns, path.stat().st_size)
            for path in paths
            if not str(name := path.relative_to(quick_copy)).startswith(inside)
        }

    before = listing()
    assert executed(quick_copy) == set()
    assert listing() == before


def test_deleted_results_are_restored_and_plan_says_so(quick_copy: Path) -> None:
    (train,) = [
        row for row in planned(quick_copy) if row["label"] == "with-state, iteration 2/2, train"
    ]
    shutil.rmtree(quick_copy / "store" / train["directory"] / "out")
    actions = {row["directory"]: row["action"] for row in planned(quick_copy)}
    assert Counter(actions.values())["restore"] == 1
    assert actions[train["directory"]] == "restore"
    assert executed(quick_copy) == set()
    assert (quick_copy / "store" / train["directory"] / "out" / "student").is_dir()


def test_without_locks_the_run_cache_restores_and_plan_says_so(quick_copy: Path) -> None:
    for lock in [*quick_copy.glob("store/*/dvc.lock"), quick_copy / "dvc.lock"]:
        lock.unlink()
    for folder in [*quick_copy.glob("store/*/out"), *quick_copy.glob("store/*/log")]:
        shutil.rmtree(folder)
    assert {row["action"] for row in planned(quick_copy)} == {"restore"}
    assert executed(quick_copy) == set()


def test_a_changed_policy_runs_one_arm_from_its_first_plan_on(quick_copy: Path) -> None:
    spec = quick_copy / "specs" / "tiny.yaml"
    spec.write_text(
        spec.read_text(encoding="utf-8").replace(
            "with-state: {}", "with-state: {agent: {policy: {floor: 0.9}}}"
        ),
        encoding="utf-8",
    )
    rows = planned(quick_copy)
    runs = [row for row in rows if row["action"] == "run"]
    assert runs[0]["label"] == "with-state, iteration 1/2, plan"
    changed = f"specs/tiny.yaml:{line_of(spec, 'floor: 0.9')}"
    assert runs[0]["cause"] == f"policy `allocate` changed: `floor` 0.2 -> 0.9, {changed}"
    assert all(row["label"].startswith("with-state") or row["kind"] == "report" for row in runs)
    assert {row["action"] for row in rows if row["label"].startswith("no-state")} == {"reuse"}
    call("dataenvgym", "compile", cwd=quick_copy)
    # What was compiled before is in git now, so that the reason is told as before.
    assert planned(quick_copy) == rows
    assert executed(quick_copy) == {row["directory"] for row in runs}


def test_a_larger_test_set_runs_only_its_evaluations_and_the_report(quick_copy: Path) -> None:
    spec = quick_copy / "specs" / "tiny.yaml"
    old = spec.read_text(encoding="utf-8")
    spec.write_text(
        old.replace(
            "test: {from: problems, draw: {per_group: 6}}",
            "test: {from: problems, draw: {per_group: 9}}",
        ),
        encoding="utf-8",
    )
    runs = [row for row in planned(quick_copy) if row["action"] == "run"]
    assert {row["label"].partition(", ")[2] for row in runs} == {
        "draw the test split",
        "base, evaluate on test",
        "evaluate best and last on test",
        "",
    }
    changed = f"specs/tiny.yaml:{line_of(spec, 'per_group: 9')}"
    assert runs[0]["cause"] == f"`task.splits.test.draw.per_group` changed: 6 -> 9, {changed}"
    call("dataenvgym", "compile", cwd=quick_copy)
    assert executed(quick_copy) == {row["directory"] for row in runs}


@pytest.mark.slow
def test_more_iterations_reuse_the_first_ones(quick_copy: Path) -> None:
    spec = quick_copy / "specs" / "tiny.yaml"
    spec.write_text(
        spec.read_text(encoding="utf-8").replace("iterations: 2", "iterations: 3"), encoding="utf-8"
    )
    runs = [row for row in planned(quick_copy) if row["action"] == "run"]
    early = [
        row["label"]
        for row in runs
        if "iteration 1/" in row["label"] or "iteration 2/" in row["label"]
    ]
    assert early == ["with-state, iteration 2/3, evaluate on feedback"]
    call("dataenvgym", "compile", cwd=quick_copy)
    assert executed(quick_copy) == {row["directory"] for row in runs}


def test_the_emitted_files_are_what_dvc_understands(quickly_finished: Path) -> None:
    content = yaml.safe_load((quickly_finished / "dvc.yaml").read_text(encoding="utf-8"))
    assert list(content["stages"]) == ["tiny"]
    listed = call(
        "dvc", "stage", "list", "--all", "--name-only", cwd=quickly_finished
    ).stdout.split()
    assert {address(folder.name) for folder in (quickly_finished / "store").iterdir()} | {
        "tiny"
    } == set(listed)
    assert "headline.json" in call("dvc", "metrics", "show", cwd=quickly_finished).stdout


def test_results_that_are_in_no_cache_run_again_and_plan_says_so(quick_copy: Path) -> None:
    shutil.rmtree(quick_copy / ".dvc" / "cache" / "runs")
    (plan,) = [
        row for row in planned(quick_copy) if row["label"] == "no-state, iteration 2/2, plan"
    ]
    lock = read_lock(quick_copy / "store" / plan["directory"] / "dvc.lock", "plan")
    digest = lock.outs["out/plan"]
    (quick_copy / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]).unlink()
    runs = [row for row in planned(quick_copy) if row["action"] == "run"]
    assert runs[0]["directory"] == plan["directory"]
    assert runs[0]["cause"] == "its result 'out/plan' is not in DVC's cache"
    assert plan["directory"] in executed(quick_copy)
