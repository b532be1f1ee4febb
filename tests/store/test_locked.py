"""What a lock says, as records and as the same text."""

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.locked import lock_text, read_locked
from dataenvgym_spec.store.layout import kind_of


def test_locks_that_dvc_wrote_are_written_the_same(quickly_finished: Path) -> None:
    count = 0
    for path in quickly_finished.glob("store/*/dvc.lock"):
        kind = kind_of(path.parent.name)
        lock = read_locked(path, kind)
        assert lock is not None
        assert lock_text({kind: lock}) == path.read_text(encoding="utf-8")
        count += 1
    report = read_locked(quickly_finished / "dvc.lock", "tiny")
    assert report is not None
    whole = (quickly_finished / "dvc.lock").read_text(encoding="utf-8")
    assert lock_text({"tiny": report}) == whole
    assert count > 30


@pytest.mark.parametrize(
    "text",
    ["<<<<<<< HEAD\n", "stages: [", "- a\n", "stages:\n  x: 1\n", "stages:\n  x: {cmd: 1}\n"],
)
def test_a_damaged_one_says_what_to_do(text: str, tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="damaged") as told:
        read_locked(tmp_path / "dvc.lock", "x")
    assert "git checkout" in told.value.help


def test_without_a_file_there_is_none(tmp_path: Path) -> None:
    assert read_locked(tmp_path / "dvc.lock", "x") is None
