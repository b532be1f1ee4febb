"""What `store` reads of a repository that DVC worked in.

Lock files, run cache, damaged cache, remote, earlier compiled forms.
"""

import shutil
from pathlib import Path

import pytest
import yaml

from dataenvgym_spec.cli.common import load_project
from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.disk import Disk
from dataenvgym_spec.store.dvc.state import _plain, read_lock, read_run
from dataenvgym_spec.store.git.history import CompiledVersions
from dataenvgym_spec.store.layout import Layout
from tests.support.laboratory import Laboratory
from tests.support.repositories import call


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    """A repository that was reproduced, pushed and committed. Tests put back what they remove."""
    made = Laboratory(tmp_path_factory.mktemp("laboratory"), seed=0)
    made.command("compile")
    made.repro("tiny")
    call("dvc", "push", "-q", "--run-cache", cwd=made.repo)
    call("git", "add", "-A", cwd=made.repo)
    call("git", "commit", "-qm", "made", cwd=made.repo)
    return made


def test_a_lock_is_read_as_a_yaml_library_reads_it(laboratory: Laboratory) -> None:
    locks = [*sorted(laboratory.repo.glob("store/*/dvc.lock")), laboratory.repo / "dvc.lock"]
    assert len(locks) > 15
    for path in locks:
        text = path.read_text(encoding="utf-8")
        plain, whole = _plain(text), yaml.safe_load(text)["stages"]
        assert plain is not None, path
        for name, body in whole.items():
            assert plain[name]["cmd"] == body["cmd"]
            for part in ("deps", "outs"):
                assert plain[name][part] == [
                    {key: row[key] for key in ("path", "md5")} for row in body[part]
                ]


@pytest.mark.parametrize(
    "text",
    [
        "schema: '2.0'\nstages:\n  a:\n    cmd: 'x'\n",
        "schema: '2.0'\nstages: {}\n",
        "",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x: y\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: x",
    ],
)
def test_a_lock_in_another_form_is_left_to_the_yaml_library(text: str) -> None:
    assert _plain(text) is None


def test_the_run_cache_is_read_by_key_and_by_what_was_read(laboratory: Laboratory) -> None:
    disk = Disk(Layout(root=laboratory.repo))
    for folder in sorted((laboratory.repo / "store").iterdir()):
        lock = read_lock(folder / "dvc.lock", folder.name.rpartition("-")[0])
        assert lock is not None
        assert disk.run_cache(lock.cmd, lock.deps, list(lock.outs)) == lock
        assert disk.runs(lock.deps["stage.json"]) == [lock]
    assert read_run("{") is None
    assert read_run("deps: []") is None


def test_a_damaged_object_is_no_object_for_dvc_and_for_us(laboratory: Laboratory) -> None:
    from dvc.repo import Repo

    folder = next(laboratory.repo.glob("store/select-*"))
    lock = read_lock(folder / "dvc.lock", "select")
    digest = lock.outs["out/choice"]
    (inner,) = Disk(Layout(root=laboratory.repo)).cache.listing(digest).values()
    path = laboratory.repo / ".dvc" / "cache" / "files" / "md5" / inner[:2] / inner[2:]
    kept = path.read_bytes()

    def held() -> tuple[bool, bool]:
        with laboratory.inside(), Repo(".") as repo:
            (stage,) = repo.stage.collect(f"store/{folder.name}/dvc.yaml:select")
            return Disk(Layout(root=laboratory.repo)).cached(digest), stage.outs_cached()

    assert held() == (True, True)
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    assert held() == (False, False)
    assert not path.exists(), "DVC drops it"
    path.write_bytes(kept)
    assert held() == (True, True)


def test_what_the_remote_holds_is_asked_for_in_bulk_and_agrees_with_dvc(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.repo import Repo

    locks = {
        folder: read_lock(folder / "dvc.lock", folder.name.rpartition("-")[0])
        for folder in sorted((laboratory.repo / "store").iterdir())
    }
    digests = sorted({digest for lock in locks.values() for digest in lock.outs.values()})
    cache, kept = laboratory.repo / ".dvc" / "cache", laboratory.folder / "kept"
    shutil.move(cache, kept)
    some = laboratory.remote / "files" / "md5" / digests[0][:2] / digests[0][2:]
    gone = some.read_bytes()
    some.unlink()
    try:
        disk = Disk(Layout(root=laboratory.repo), pull=True)
        asked = []
        monkeypatch.setattr(
            disk.remote,
            "_ask",
            lambda wanted, ask=disk.remote._ask: (asked.append(wanted), ask(wanted)),
        )
        disk.expect(digests)
        found = {digest for digest in digests if not disk.missing(digest)}
        assert len(asked) == 2, "one query for the results, one for the files in them"
        assert found == {*digests} - {digests[0]}
        with laboratory.inside(), Repo(".") as repo:
            assert set(repo.cloud.get_remote_odb().oids_exist(digests)) == found
        lock = next(iter(locks.values()))
        assert disk.run_cache(lock.cmd, lock.deps, list(lock.outs)) == lock
        assert disk.runs(lock.deps["stage.json"]) == [lock]
    finally:
        some.write_bytes(gone)
        shutil.rmtree(cache, ignore_errors=True)
        shutil.move(kept, cache)


def test_without_a_remote_there_is_nothing_to_pull_from(repo: Path) -> None:
    with pytest.raises(UserError, match="no remote to pull from"):
        Disk(Layout(root=repo), pull=True)


def test_what_stood_at_a_place_before_is_found_in_git_in_a_fresh_clone(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    call("git", "clone", "-q", str(laboratory.repo), str(clone), cwd=tmp_path)
    spec = clone / "specs" / "tiny.yaml"
    spec.write_text(
        spec.read_text(encoding="utf-8").replace("power: 1.0", "power: 0.7"), encoding="utf-8"
    )
    changed = load_project((), root=clone).compiled
    (new,) = [stage for stage in changed.graph.stages if stage.kind == "plan"]
    for _ in range(2):
        before = CompiledVersions(Layout(root=clone)).earlier(new, new.uses)
        assert before["params"]["policy"]["power"] == 1.0
        # Compiled, and even committed: what was made is still the earlier one.
        call("dataenvgym", "compile", cwd=clone)
        call("git", "add", "-A", cwd=clone)
        call(
            "git",
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@example.com",
            "commit",
            "-qm",
            "changed",
            "--allow-empty",
            cwd=clone,
        )
    data = next(stage for stage in changed.graph.stages if stage.kind == "data")
    assert CompiledVersions(Layout(root=clone)).earlier(data, data.uses) is None


def test_dvc_parses_its_files_in_c() -> None:
    """It reads those of all stages before it does anything; in Python that takes four times as long."""
    from ruamel.yaml import YAML
    from ruamel.yaml.main import CParser

    assert CParser is not None
    assert YAML(typ="safe").Parser is CParser


def test_a_lock_that_is_no_text_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    path.write_bytes(b"schema: '2.0'\nstages:\n  plan:\n    cmd: \xe1\n")
    with pytest.raises(UserError, match="is damaged or half-written"):
        read_lock(path, "plan")
