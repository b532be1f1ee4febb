"""Where DVC keeps its cache: as DVC itself says."""

from pathlib import Path

import pytest
from dvc.repo import Repo

from dataenvgym_spec.core.dvc_config import cache_folder, remote_folder, remotes
from tests.support.repositories import call, new_repo


@pytest.mark.parametrize(
    ("level", "written"),
    [
        (None, ""),
        ("global", "/shared/cache"),
        ("system", "/shared/cache"),
        ("config", "../other cache"),
        ("config.local", '"/data/a#b"'),
        ("config", "~/cache"),
    ],
)
def test_each_level_of_config_counts(
    level: str | None, written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = new_repo(tmp_path / "repo")
    folders = {"global": tmp_path / "global", "system": tmp_path / "system"}
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(folders["global"]))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(folders["system"]))
    if level is not None:
        path = folders[level] / "config" if level in folders else repo / ".dvc" / level
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as config:
            config.write(f"\n[cache]\n    dir = {written}\n")
    files = Path(Repo(str(repo)).cache.local.path)  # its folder for contents by hash
    assert cache_folder(repo) == files.parent.parent.resolve()


def test_the_nearest_config_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = new_repo(tmp_path / "repo")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    (tmp_path / "config").write_text("[cache]\n    dir = /far\n", encoding="utf-8")
    (repo / ".dvc" / "config.local").write_text("[cache]\n    dir = /near\n", encoding="utf-8")
    assert cache_folder(repo) == Path("/near")


def test_remotes_of_all_levels_are_known_the_default_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = new_repo(tmp_path / "repo")
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "none"))
    assert remotes(repo) == ()
    for level, name in (("--global", "far"), ("--project", "near"), ("--local", "own")):
        default = ["--default"] if name == "near" else []
        call("dvc", "remote", "add", "-q", level, *default, name, "/data", cwd=repo)
    assert remotes(repo) == ("near", "far", "own")


@pytest.mark.parametrize(
    ("address", "folder"),
    [
        ("/data/there", "/data/there"),
        ("../../beside", "beside"),
        ("file:///data/there", "/data/there"),
        ("s3://bucket/x", None),
        ("ssh://host/x", None),
        ("remote://other/x", None),
    ],
)
def test_a_remote_may_be_a_folder(
    address: str, folder: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "none"))
    (tmp_path / "repo" / ".dvc").mkdir(parents=True)
    assert remote_folder(tmp_path / "repo") is None
    text = f"[core]\n    remote = b\n['remote \"a\"']\n    url = /other\n['remote \"b\"']\n    url = {address}\n"
    (tmp_path / "repo" / ".dvc" / "config").write_text(text, encoding="utf-8")
    expected = None if folder is None else (tmp_path / folder).resolve()
    assert remote_folder(tmp_path / "repo") == expected
