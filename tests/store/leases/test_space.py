"""The folders of lease holders: one that comes too late leaves those of its successors alone."""

from pathlib import Path

import pytest

from dataenvgym_spec.store.leases.lease import Claimant, Lease, LeaseLost, take
from dataenvgym_spec.store.leases.register import FolderRegister
from dataenvgym_spec.store.leases.space import COPY, leased_folder
from tests.support.clocks import Time

MARK = "begun"


def holder(folder: Path, name: str) -> Lease:
    lease = take(
        FolderRegister(folder / "leases"),
        "train",
        Claimant(holder=name, clone="one", seconds=10),
        waiting=lambda _: None,
        clock=Time().clock(),
    )
    assert lease is not None
    return lease


def test_a_late_holder_touches_no_folder_of_its_successors(tmp_path: Path) -> None:
    """Not even a copy that one of them is making: it would be of a part of the files, and whole to see."""
    link = tmp_path / "work" / "train"
    first = leased_folder(link, holder(tmp_path, "a"), MARK)
    (first / MARK).write_text("1", encoding="utf-8")
    late = holder(tmp_path, "b")
    last = holder(tmp_path, "c")
    copying = link.with_name(f"train.{last.number}{COPY}")
    copying.mkdir()
    (copying / "half").write_text("of it", encoding="utf-8")
    with pytest.raises(LeaseLost):
        leased_folder(link, late, MARK)
    assert (copying / "half").is_file() and (first / MARK).is_file()
    assert link.resolve() == first


def test_a_copy_that_a_dead_holder_left_is_removed(tmp_path: Path) -> None:
    link = tmp_path / "work" / "train"
    first = leased_folder(link, holder(tmp_path, "a"), MARK)
    (first / MARK).write_text("1", encoding="utf-8")
    dead = holder(tmp_path, "b")
    left = link.with_name(f"train.{dead.number}{COPY}")
    left.mkdir()
    last = leased_folder(link, holder(tmp_path, "c"), MARK)
    assert not left.exists() and (last / MARK).read_text(encoding="utf-8") == "1"
    assert sorted(path.name for path in link.parent.iterdir()) == ["train", last.name]
