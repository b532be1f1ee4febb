"""`doctor` says where leases are, and what keeps them from doing their work."""

from pathlib import Path

import pytest

from dataenvgym_spec.setup.hardware import hosts, leases
from dataenvgym_spec.setup.hardware.hosts import leases as found
from dataenvgym_spec.store.layout import Layout
from tests.support.repositories import call, new_repo


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(root=new_repo(tmp_path / "repo"))


@pytest.fixture
def on_nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (hosts, leases):
        monkeypatch.setattr(module, "shared_disk", lambda _path: "nfs4")


def profile(layout: Layout, text: str) -> None:
    (layout.root / "hardware.yaml").write_text(f"leases: {text}\n", encoding="utf-8")


def test_one_host_has_nothing_to_be_told(layout: Layout) -> None:
    assert found(layout, {}) == []


def test_what_a_place_needs_is_told(layout: Layout) -> None:
    profile(layout, "{at: .dataenvgym/leases, seconds: 30}")
    (told,) = found(layout, {})
    assert told.ok and told.detail == "at .dataenvgym/leases, a silent host is given up after 30 s"
    profile(layout, "{at: ../shared}")
    told, absent = found(layout, {})
    assert told.ok and absent.needed and "no remote" in absent.detail
    assert absent.help == "run: dvc remote add --default NAME URL"
    profile(layout, "{at: 's3://bucket/leases'}")
    told, absent = found(layout, {})
    assert told.ok and "no remote" in absent.detail


def test_a_place_that_cannot_be_written_is_told(layout: Layout) -> None:
    (layout.root / "file").touch()
    profile(layout, "{at: file/leases}")
    _, refused, _ = found(layout, {})
    assert refused.needed and refused.detail == "'file/leases' cannot be written: Not a directory"


def test_a_profile_that_is_none_is_told_once(layout: Layout) -> None:
    profile(layout, "{seconds: 0}")
    assert found(layout, {}) == []
    said = call("dataenvgym", "doctor", cwd=layout.root, ok=False).stdout
    assert said.count("hardware.yaml:1:19") == 1


@pytest.mark.usefixtures("on_nfs")
def test_a_network_disk_has_leases_by_itself_and_asks_for_a_lock_of_dvc(layout: Layout) -> None:
    told, lock = found(layout, {})
    assert told.ok and str(layout.leases) in told.detail
    assert not lock.needed and lock.help == "run: dvc config core.hardlink_lock true"
    (layout.root / ".dvc" / "config").write_text("[core]\nhardlink_lock = true\n", encoding="utf-8")
    assert [finding.ok for finding in found(layout, {})] == [True]
    profile(layout, "{at: host}")
    (warning,) = found(layout, {})
    assert not warning.ok and not warning.needed and "(nfs4)" in warning.detail
