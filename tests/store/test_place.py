"""Where the journal is."""

from pathlib import Path

import platformdirs
import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store import place

MOUNTS = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:41 / {home} rw - nfs4 server:/home rw
41 40 0:42 / {home}/local\\040disk rw - xfs /dev/vdb rw
"""


def test_it_is_with_the_data_of_the_user_or_where_the_user_says(tmp_path: Path) -> None:
    assert place.journal_file({"DATAENVGYM_JOURNAL": str(tmp_path)}) == tmp_path / "journal.sqlite"
    usual = place.journal_file({"DATAENVGYM_JOURNAL": " "})
    assert usual.parent == platformdirs.user_data_path("dataenvgym")


@pytest.mark.parametrize("said", ["journal", "./journal", "~nobody-of-that-name/journal"])
def test_a_relative_path_would_be_another_folder_in_each_stage(
    said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"is '{said}', which is no absolute path") as caught:
        place.journal_file({"DATAENVGYM_JOURNAL": said})
    assert f"export DATAENVGYM_JOURNAL={tmp_path}" in caught.value.help
    home = place.journal_file({"DATAENVGYM_JOURNAL": "~/journal"})
    assert home == Path.home() / "journal" / "journal.sqlite"


def test_a_network_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.format(home=tmp_path), encoding="utf-8")
    kinds = [
        place.file_system(path, mounts)
        for path in (Path("/x"), tmp_path / "a", tmp_path / "local disk")
    ]
    assert kinds == ["ext4", "nfs4", "xfs"]
    monkeypatch.setattr(place, "file_system", lambda _path: "nfs4")
    with pytest.raises(UserError, match="network disk") as caught:
        place.journal_file({"DATAENVGYM_JOURNAL": str(tmp_path)})
    assert "DATAENVGYM_JOURNAL" in caught.value.help


@pytest.mark.parametrize(
    ("kind", "shared"),
    [
        ("nfs4", True),
        ("lustre", True),
        ("virtiofs", True),
        ("9p", True),
        ("fuse.gcsfuse", True),
        ("fuse.sshfs", True),
        ("fuse.of-tomorrow", True),
        ("fuse.mergerfs", False),
        ("fuseblk", False),
        ("ext4", False),
        ("overlay", False),
        ("", False),
    ],
)
def test_what_other_machines_may_see(
    kind: str, shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A locked file of one kernel says nothing on another machine, so leases are the safe side."""
    monkeypatch.setattr(place, "file_system", lambda _path: kind)
    assert place.shared_disk(tmp_path) == (kind if shared else "")
