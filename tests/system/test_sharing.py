"""A colleague pulls and sees the same: clones, a DVC remote in a folder, merges."""

import json
import shutil
from pathlib import Path

import pytest

from dataenvgym_spec.track.clones import PREFIX
from tests.support.repositories import call
from tests.support.runs import executed
from tests.support.specs import TINY


def commit(repo: Path, message: str) -> None:
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", message, cwd=repo)


def clone(repo: Path, target: Path) -> Path:
    call("git", "clone", "-q", str(repo), str(target), cwd=repo.parent)
    call("git", "config", "user.name", "B", cwd=target)
    call("git", "config", "user.email", "b@example.com", cwd=target)
    call("dataenvgym", "doctor", "--fix", cwd=target)
    return target


def records(repo: Path, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(
        call("dataenvgym", "report", name, "--json", cwd=repo).stdout
    )
    return found


@pytest.fixture(scope="module")
def shared(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished repository with a remote that was pushed to, everything committed."""
    folder = tmp_path_factory.mktemp("shared")
    repo = folder / "repo"
    shutil.copytree(finished, repo, symlinks=True)
    (folder / "remote").mkdir()
    call("dvc", "remote", "add", "-q", "--default", "storage", "../../remote", cwd=repo)
    call("dvc", "push", "-q", "--run-cache", cwd=repo)
    commit(repo, "results")
    return repo


def test_a_clone_reproduces_with_no_execution(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    theirs = clone(shared, tmp_path / "other")
    out = call("dvc", "repro", "--pull", "tiny", cwd=theirs, timeout=600).stdout
    assert "Running stage" not in out
    assert records(theirs, "tiny") == records(shared, "tiny")
    assert executed(theirs) == set()


def test_a_clone_tracks_the_same_runs(shared: Path, empty_database: Path, tmp_path: Path) -> None:
    theirs = clone(shared, tmp_path / "other")
    call("dvc", "pull", "-q", cwd=theirs)
    dumps = []
    for repo in (shared, theirs):
        shutil.copy(empty_database, repo)
        call("dataenvgym", "track", "tiny", cwd=repo)
        dumps.append(_runs(repo))
    assert dumps[0] == dumps[1]
    assert len(dumps[0]) >= 2 + 2 * 3


def _runs(repo: Path) -> list[tuple[object, ...]]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{repo / 'mlflow.db'}")
    (experiment,) = [item for item in client.search_experiments() if item.name == "tiny"]
    found = []
    for run in client.search_runs([experiment.experiment_id]):
        tags = {
            key: value
            for key, value in run.data.tags.items()
            if not key.startswith(("mlflow.parent", PREFIX))
        }
        inputs = sorted(
            (item.dataset.name, item.dataset.digest) for item in run.inputs.dataset_inputs
        )
        # Each clone leaves its own mark, and no other's.
        assert sum(key.startswith(PREFIX) for key in run.data.tags) == 1
        found.append(
            (
                run.info.run_name,
                run.info.start_time,
                run.data.params,
                run.data.metrics,
                sorted(tags),
                inputs,
            )
        )
    return sorted(found, key=str)


@pytest.mark.slow
def test_two_clones_that_each_ran_one_of_two_experiments(tmp_path: Path, finished: Path) -> None:
    """They share a prefix; after a merge, each reproduces both with no execution."""
    ours = tmp_path / "ours"
    shutil.copytree(finished, ours, symlinks=True)
    (tmp_path / "remote").mkdir()
    call("dvc", "remote", "add", "-q", "--default", "storage", "../../remote", cwd=ours)
    (ours / "specs" / "second.yaml").write_text(
        TINY.replace("name: tiny", "name: second").replace("floor: 0.2", "floor: 0.8"),
        encoding="utf-8",
    )
    call("dataenvgym", "compile", cwd=ours)
    for lock in ours.glob("store/*/dvc.lock"):
        lock.unlink()
    (ours / "dvc.lock").unlink()
    commit(ours, "two experiments")
    theirs = clone(ours, tmp_path / "theirs")
    call("dvc", "repro", "tiny", cwd=ours, timeout=600)
    call("dvc", "push", "-q", "--run-cache", cwd=ours)
    commit(ours, "tiny ran")
    call("dvc", "pull", "-q", "--run-cache", cwd=theirs, ok=False)
    ran = call("dvc", "repro", "--pull", "second", cwd=theirs, timeout=900).stdout
    assert "draw the test split" not in ran  # the shared prefix was pulled, not made again
    call("dvc", "push", "-q", "--run-cache", cwd=theirs)
    commit(theirs, "second ran")
    call("git", "pull", "-q", "--no-rebase", "--no-edit", cwd=theirs)
    call("git", "pull", "-q", "--no-edit", str(theirs), "main", cwd=ours)
    for repo in (ours, theirs):
        out = call("dvc", "repro", "--pull", "tiny", "second", cwd=repo, timeout=600).stdout
        assert not [line for line in out.splitlines() if line.startswith("Running stage 'store/")]
        call("dataenvgym", "track", cwd=repo)
    assert _runs(ours) == _runs(theirs)
    assert records(ours, "second") == records(theirs, "second")
