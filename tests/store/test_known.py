"""A contract with DVC: what it has hashed is found where it keeps it, and nothing else."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.hashing import md5_file
from dataenvgym_spec.store.dvc.hashes import Hashes
from dataenvgym_spec.store.dvc.known import LARGE, Known, state_folder
from tests.support.repositories import call, new_repo


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large and a small file that DVC has hashed."""
    repo = new_repo(tmp_path_factory.mktemp("known") / "repo")
    (repo / "weights").mkdir()
    (repo / "weights" / "large.bin").write_bytes(b"a" * LARGE)
    (repo / "weights" / "small.bin").write_bytes(b"a")
    call("dvc", "add", "-q", "weights", cwd=repo)
    return repo


def test_a_large_file_that_dvc_has_hashed_is_known(added: Path) -> None:
    large = added / "weights" / "large.bin"
    assert Known(added).md5(large) == md5_file(large)
    assert Known(added).md5(added / "weights" / "small.bin") is None


def test_what_dvc_has_hashed_is_not_read(added: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = added / "weights" / "large.bin"
    before = md5_file(large)
    monkeypatch.setattr(Contents, "md5", None)
    assert Hashes(added).md5(large) == before


def test_a_file_that_is_not_as_dvc_saw_it_is_not_known(added: Path) -> None:
    changed = added / "weights" / "other.bin"
    changed.write_bytes(b"a" * LARGE)
    call("dvc", "add", "-q", "weights", cwd=added)
    assert Known(added).md5(changed) is not None
    changed.unlink()
    changed.write_bytes(b"b" * LARGE)
    assert Known(added).md5(changed) is None


def test_where_dvc_keeps_them_can_be_said(added: Path, tmp_path: Path) -> None:
    large = added / "weights" / "large.bin"
    assert Known(added, {"DVC_SITE_CACHE_DIR": str(tmp_path)}).md5(large) is None
    assert Known(tmp_path).md5(large) is None  # no repository of DVC


def test_a_config_of_the_user_says_it_too(
    added: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("DVC_SITE_CACHE_DIR", raising=False)
    site = tmp_path / "site"
    (tmp_path / "config").write_text(f"[core]\n    site_cache_dir = {site}\n", encoding="utf-8")
    assert Path(Repo(str(added)).site_cache_dir).is_relative_to(site)
    assert state_folder(added) == site


def test_what_is_damaged_is_not_known(added: Path, tmp_path: Path) -> None:
    known = Known(added)
    assert known._database is not None
    place = tmp_path / known._database.relative_to(state_folder(added))
    place.parent.mkdir(parents=True)
    place.write_bytes(b"no database")
    elsewhere = Known(added, {"DVC_SITE_CACHE_DIR": str(tmp_path)})
    assert elsewhere.md5(added / "weights" / "large.bin") is None
