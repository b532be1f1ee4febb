"""A full disk is called so, whatever fails of it says."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from dataenvgym_spec.core import full

Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "error: the trainer failed: unexpected pos 49344 vs 49236"
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(9, 0, full.TIGHT))
    assert full.with_full_disk(said) == said
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: Usage(9, 9, 12_000))
    told = full.with_full_disk(said)
    assert told.startswith(
        f"{said}\n  = note: the disk is full: 12.0 kB are free at '.'; free some"
    )
    assert full.with_full_disk(told) == told


def test_a_folder_that_is_gone_is_not_full(tmp_path: Path) -> None:
    assert full.full_text([tmp_path / "gone", tmp_path]) == ""
    assert full.space_text(tmp_path / "gone").endswith("cannot be looked at")
