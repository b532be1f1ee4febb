"""What `doctor` says of results that a command of git or DVC would destroy; the commands are in tests/system/test_hazards.py."""

from pathlib import Path

import pytest

from dataenvgym_spec.setup.finding import Finding
from dataenvgym_spec.setup.hazards import hazards
from dataenvgym_spec.store.layout import Layout

DIGEST = "0123456789abcdef0123456789abcdef"
LOCK = f"stages:\n  train:\n    outs:\n    - path: out\n      md5: {DIGEST}.dir\n"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one result in DVC's cache."""
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("DVC_SYSTEM_CONFIG_DIR", str(tmp_path / "none"))
    root = tmp_path / "repo"
    (root / "store" / "train-0").mkdir(parents=True)
    (root / "store" / "train-0" / "dvc.lock").write_text(LOCK, encoding="utf-8")
    put(root / ".dvc" / "cache")
    return root


def put(folder: Path) -> None:
    """Gives a cache or a remote the result."""
    path = folder / "files" / "md5" / DIGEST[:2] / f"{DIGEST[2:]}.dir"
    path.parent.mkdir(parents=True)
    path.touch()


def copies(root: Path, address: str = "") -> Finding:
    """What is said of copies with a remote at an address."""
    text = f"[core]\n    remote = there\n['remote \"there\"']\n    url = {address}\n"
    (root / ".dvc" / "config").write_text(text if address else "", encoding="utf-8")
    (found,) = [one for one in hazards(Layout(root=root), {}) if one.name == "copy of results"]
    return found


def test_a_remote_is_a_copy_once_it_has_the_results(root: Path) -> None:
    found = copies(root)
    assert not found.ok and found.detail.startswith("none: the results of 1 stage are in DVC's")
    found = copies(root, "../../storage")
    assert not found.ok and found.help == "dvc push --run-cache"
    assert found.detail.startswith("'there' lacks the results of 1 stage: they are in DVC's cache")
    put(root.parent / "storage")
    assert copies(root, "../../storage").ok


def test_what_is_not_in_the_cache_cannot_be_lost_here(root: Path) -> None:
    for path in (root / ".dvc" / "cache").rglob("*.dir"):
        path.unlink()
    assert copies(root, "../../storage").ok


def test_of_a_remote_that_is_no_folder_nobody_knows(root: Path) -> None:
    found = copies(root, "s3://bucket/storage")
    assert not found.ok and not found.needed
    assert found.detail.startswith("pushed or not: unknown; 'there' is no folder")
    assert found.help.endswith("dvc status --cloud)")


def test_before_there_are_results_there_is_nothing_to_copy(root: Path) -> None:
    (root / "store" / "train-0" / "dvc.lock").unlink()
    assert copies(root, "s3://bucket/storage").ok and copies(root).ok
