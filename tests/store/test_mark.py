"""What tells clones apart, also where one is a copy of the other's folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from dataenvgym_spec.schedule.parcels.pack import home_of
from dataenvgym_spec.schedule.slurm.queue import prefix_of
from dataenvgym_spec.store.layout import Layout
from dataenvgym_spec.store.leases.holding import clone_of
from dataenvgym_spec.store.mark import holds_mark, mark_of


def names(root: Path) -> set[str]:
    """All that a clone is known by."""
    layout = Layout(root=root)
    return {prefix_of(layout), home_of(layout, shared=False).token, clone_of(layout)}


def test_a_copy_of_a_clone_is_another_one(tmp_path: Path) -> None:
    """It would take the other's jobs in Slurm for its own, and cancel them with Ctrl-C."""
    clone = tmp_path / "clone"
    clone.mkdir()
    before = names(clone)
    assert len(before) == 3 and names(clone) == before
    shutil.copytree(clone, tmp_path / "copy")
    copied = names(tmp_path / "copy")
    assert copied.isdisjoint(before) and len(copied) == 3
    assert names(clone) == before and names(tmp_path / "copy") == copied


def test_a_clone_stays_the_same_wherever_it_is_seen(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    clone.mkdir()
    before = names(clone)
    clone.rename(tmp_path / "moved")
    assert names(tmp_path / "moved") == before
    (tmp_path / "link").symlink_to("moved")
    assert names(tmp_path / "link") == before


def test_the_same_path_is_the_same_clone_whatever_number_a_disk_gives_it(tmp_path: Path) -> None:
    path = tmp_path / "mark.txt"
    mark = mark_of(path, tmp_path)
    number = str(tmp_path.stat().st_ino)
    assert path.read_text(encoding="utf-8") == f"{mark}\n{number} {tmp_path}\n"
    path.write_text(f"{mark}\n7 {tmp_path}\n", encoding="utf-8")
    assert mark_of(path, tmp_path) == mark and holds_mark(path, mark)
    assert not holds_mark(path, "") and not holds_mark(tmp_path / "none.txt", mark)
