import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dataenvgym_spec.core import contents
from dataenvgym_spec.core.contents import Contents
from dataenvgym_spec.core.remembered import LARGE, Remembered


def counting(read: list[Path]) -> Callable[[Path], str]:
    def hashed(path: Path) -> str:
        read.append(path)
        return f"{len(read)}"

    return hashed


def large(folder: Path, *, age: float = 60, size: int = LARGE) -> Path:
    path = folder / "weights"
    path.write_bytes(b"w" * size)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def test_a_large_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    read: list[Path] = []
    path, kept, hashed = large(tmp_path), tmp_path / "x" / "digests.sqlite", counting(read)
    assert [Remembered(kept).of(path, "sha256", hashed) for _ in range(3)] == ["1"] * 3
    assert Remembered(kept).of(path, "md5", hashed) == "2"
    # Each of time, size and inode tells of a change.
    os.utime(path, (1, 1))
    assert Remembered(kept).of(path, "sha256", hashed) == "3"
    path.write_bytes(b"w" * (LARGE + 1))
    os.utime(path, (1, 1))
    assert Remembered(kept).of(path, "sha256", hashed) == "4"
    (tmp_path / "other").write_bytes(b"v" * (LARGE + 1))
    os.utime(tmp_path / "other", (1, 1))
    (tmp_path / "other").replace(path)
    assert Remembered(kept).of(path, "sha256", hashed) == "5"
    assert Remembered(kept).of(path, "sha256", hashed) == "5"


def test_small_and_fresh_files_are_read_every_time(tmp_path: Path) -> None:
    read: list[Path] = []
    kept, hashed = tmp_path / "digests.sqlite", counting(read)
    for path in (large(tmp_path, size=LARGE - 1), large(tmp_path, age=0)):
        before = len(read)
        for _ in range(2):
            Remembered(kept).of(path, "sha256", hashed)
        assert len(read) == before + 2


def test_what_is_remembered_may_be_damaged_or_of_no_use(tmp_path: Path) -> None:
    read: list[Path] = []
    path, kept, hashed = large(tmp_path), tmp_path / "digests.sqlite", counting(read)
    kept.write_bytes(b"no database" * 100)
    assert Remembered(kept).of(path, "sha256", hashed) == "1"
    assert [Remembered(kept).of(path, "sha256", hashed) for _ in range(2)] == ["1", "1"]
    in_a_file = path / "digests.sqlite"
    assert Remembered(in_a_file).of(path, "sha256", hashed) == "2"


def test_what_a_repository_holds_is_not_hashed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by the next command, and for a folder."""
    (tmp_path / "model").mkdir()
    path = large(tmp_path / "model")
    places = (path, path.parent)

    def hashed() -> list[str]:
        here = Contents(tmp_path)
        return [*map(here.digest, places), here.md5(path)]

    first = hashed()
    monkeypatch.setattr(contents, "file_digest", None)
    monkeypatch.setattr(contents, "md5_file", None)
    assert hashed() == first
