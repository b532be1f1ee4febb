"""Writes that are whole or not there."""

from pathlib import Path

import pytest

from dataenvgym_spec.store.atomic import write


def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    write(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write(path, "\ud800")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "hook"
    write(path, "one")
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o755)
    write(path, "two")
    assert path.stat().st_mode & 0o777 == 0o755
