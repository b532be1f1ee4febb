"""Kill any process at any moment; the next `dvc repro` finishes with the same keys and the same bytes."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.store.dvc.state import hash_of, read_lock
from tests.support.repositories import call, environment, new_repo
from tests.support.specs import TINY
from tests.support.waiting import interrupt_run, wait_until

ONE_ARM = (
    TINY.replace("  no-state: {agent: {observe: nothing}}\n", "")
    .replace("iterations: 2", "iterations: 1")
    .split("analysis:")[0]
)
SLOW_TRAINING = ONE_ARM.replace("train: {length: {steps: 6}", "train: {length: {steps: 400}")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that nobody disturbed."""
    path = new_repo(tmp_path_factory.mktemp("reference") / "repo", SLOW_TRAINING)
    call("dataenvgym", "compile", cwd=path)
    call("dvc", "repro", "tiny", cwd=path, timeout=600)
    return path


def results(repo: Path) -> dict[str, str | None]:
    """The hashes of all ports; the report's page shows timings and is left out."""
    return {
        str(path.relative_to(repo)): hash_of(path) for path in sorted(repo.glob("store/*/out/*"))
    }


def undone(repo: Path, kinds: set[str], iteration: int | None = None) -> None:
    """Takes back the results of some kinds, in workspace and cache; of one iteration in one arm only, and of what closes it."""
    shutil.rmtree(repo / ".dvc" / "cache" / "runs")
    for stage in load("tiny", repo).stages:
        places = {(use.arm, use.iteration) for use in stage.uses}
        chosen = iteration is None or places <= {("no-state", iteration), ("no-state", None)}
        if stage.kind in kinds and chosen:
            lock = read_lock(stage.path / "dvc.lock", stage.kind)
            for digest in lock.outs.values() if lock else ():
                (repo / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]).unlink(
                    missing_ok=True
                )
            for name in ("out", "log"):
                shutil.rmtree(stage.path / name, ignore_errors=True)
            (stage.path / "dvc.lock").unlink(missing_ok=True)
    (repo / "dvc.lock").unlink(missing_ok=True)


def processes(repo: Path) -> list[int]:
    """Every process that works in this repository or names it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            inside = (
                str((entry / "cwd").resolve()).startswith(str(repo))
                or str(repo).encode() in (entry / "cmdline").read_bytes()
            )
            if (
                inside
                and (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
                != "Z"
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def stage_process(dvc: int) -> int | None:
    """The stage that DVC started."""
    children = subprocess.run(
        ["pgrep", "-P", str(dvc)], capture_output=True, text=True, check=False
    ).stdout.split()
    return int(children[0]) if children else None


def kill_when(
    repo: Path, moment: Callable[[Path], bool], victims: str, held: str | None = None
) -> None:
    """Starts `dvc repro` (or `dataenvgym run`), waits for a moment, kills it, its stage or both, and waits until nobody works here.

    Args:
        repo: where.
        moment: when.
        victims: who is killed.
        held: the kind of stage whose start stops DVC, so that it does not write its lock while a
            busy machine looks for the moment.
    """
    given = environment(shared=False, DATAENVGYM_CHECKPOINT_SECONDS="0.5")
    command = ["dataenvgym", "run", "tiny"] if victims == "run" else ["dvc", "repro", "tiny"]
    dvc = subprocess.Popen(
        command, cwd=repo, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if held is not None:
        wait_until(lambda: begun(repo, held), f"a stage of {held}", dvc)
        dvc.send_signal(signal.SIGSTOP)
    wait_until(lambda: moment(repo), moment.__name__, dvc)
    stage = stage_process(dvc.pid)
    for pid in {"dvc": [dvc.pid], "run": [dvc.pid], "stage": [stage], "both": [dvc.pid, stage]}[
        victims
    ]:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    dvc.wait()
    wait_until(lambda: not processes(repo), "nobody works here")


def in_training(repo: Path) -> bool:
    return any(repo.glob(".dataenvgym/scratch/train-*/*/checkpoints/checkpoint-*/complete"))


def in_generation(repo: Path) -> bool:
    return any(
        path.parent.name.startswith("evaluate-") and not (path.parent / "done.json").exists()
        for path in repo.glob(".dataenvgym/scratch/evaluate-*/out")
    )


def begun(repo: Path, kind: str) -> bool:
    """Whether a stage of a kind is at work, of which there is no lock."""
    return any(
        not (repo / "store" / path.name / "dvc.lock").exists()
        for path in repo.glob(f".dataenvgym/scratch/{kind}-*")
    )


def between(kind: str) -> Callable[[Path], bool]:
    def finished_without_a_lock(repo: Path) -> bool:
        return any(
            not (repo / "store" / path.parent.name / "dvc.lock").exists()
            for path in repo.glob(f".dataenvgym/scratch/{kind}-*/done.json")
        )

    return finished_without_a_lock


def finish(repo: Path, reference: Path, *command: str) -> str:
    """Runs again, and holds the results against those of the undisturbed run."""
    result = call(*(command or ("dvc", "repro", "tiny")), cwd=repo, timeout=600)
    assert results(repo) == results(reference)
    assert not any((repo / ".dataenvgym" / "scratch").glob("*/done.json")) or call(
        "dvc", "repro", "tiny", cwd=repo
    )
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("victims", ["dvc", "stage", "both"])
@pytest.mark.parametrize(
    "moment",
    [
        "training",
        "generation",
        "training and its lock",
        "generation and its lock",
        "plan and its lock",
    ],
)
def test_a_kill_costs_minutes_and_changes_nothing(
    moment: str, victims: str, reference: Path, tmp_path: Path
) -> None:
    repo = tmp_path / "repo"
    shutil.copytree(reference, repo, symlinks=True)
    undone(repo, {"plan", "generate", "check", "train", "evaluate", "select"})
    kinds = {
        "training and its lock": "train",
        "generation and its lock": "evaluate",
        "plan and its lock": "plan",
    }
    moments = {"training": in_training, "generation": in_generation}
    moments |= {name: between(kind) for name, kind in kinds.items()}
    held = None if victims == "stage" else kinds.get(moment)
    kill_when(repo, moments[moment], victims, held)
    said = finish(repo, reference)
    if moment == "training":
        assert "going on from step" in said
    if (
        "lock" in moment and victims != "stage"
    ):  # with the stage alone killed after its work, DVC may still have written the lock
        assert "adopted: a finished result was found" in said


@pytest.mark.slow
def test_a_result_without_a_lock_is_adopted(copy_of_finished: Path, finished: Path) -> None:
    undone(copy_of_finished, {"plan", "generate", "check", "select"}, iteration=1)
    kill_when(copy_of_finished, between("generate"), "dvc", held="generate")
    said = finish(copy_of_finished, finished)
    assert said.count("adopted: a finished result was found") == 1
    assert "train" not in "".join(
        line for line in said.splitlines() if line.startswith("Running stage")
    )


def test_a_killed_run_takes_all_it_started_with_it(copy_of_finished: Path, finished: Path) -> None:
    undone(copy_of_finished, {"train", "evaluate", "select"}, iteration=2)
    kill_when(
        copy_of_finished,
        lambda repo: any(repo.glob(".dataenvgym/scratch/train-*/*/config.json")),
        "run",
    )
    # Its DVC may stay a zombie where nobody waits for orphans; then only `dataenvgym run` knows that nobody is at work.
    assert "steps to do" in finish(copy_of_finished, finished, "dataenvgym", "run", "tiny")


@pytest.mark.slow
def test_an_interrupted_run_loses_nothing(copy_of_finished: Path, finished: Path) -> None:
    undone(copy_of_finished, {"train", "evaluate", "select"})
    interrupt_run(copy_of_finished, ".dataenvgym/scratch/train-*/*/config.json", shared=False)
    wait_until(lambda: not processes(copy_of_finished), "nobody works here")
    finish(copy_of_finished, finished)
