"""What a lock says, as records and as the same text."""

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.store.dvc.locked import lock_text, read_locked, with_stages
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
    assert with_stages(quickly_finished / "none", {"tiny": report}) == whole


OTHER = """\
schema: '2.0'
stages:
  mine:
    cmd: python mine.py
    deps:
    - path: s3://there/x
      etag: '123'
    params:
      params.yaml:
        seed: 1e-3
"""


def test_stages_that_a_user_wrote_stay_as_they_are(tmp_path: Path, quickly_finished: Path) -> None:
    path = tmp_path / "dvc.lock"
    path.write_text(OTHER, encoding="utf-8")
    report = read_locked(quickly_finished / "dvc.lock", "tiny")
    assert report is not None
    text = with_stages(path, {"tiny": report})
    assert text.startswith(OTHER.replace("1e-3", "'1e-3'").replace("seed: '1e-3'", "seed: '1e-3'"))
    path.write_text(text, encoding="utf-8")
    assert read_locked(path, "tiny") == report
    assert with_stages(path, {"tiny": report.__class__(cmd="other")}) == text, "what is there stays"


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
