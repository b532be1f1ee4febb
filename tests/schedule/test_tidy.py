"""What killed stages have left on a machine of a cluster, and what it keeps for how long."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.schedule.parcels.tidy import DAYS, USED, lock_of, tidy
from dataenvgym_spec.store.dvc.apart import CONFIG, LOCAL
from dataenvgym_spec.store.locks import held

DAY = 86400.0


def left(clone: Path, name: str, *, days: float = 0) -> Path:
    """The repository of a stage that was killed there."""
    repository = clone / name
    (repository / ".dvc").mkdir(parents=True)
    (repository / LOCAL).write_text("secret", encoding="utf-8")
    (repository / CONFIG).touch()
    aged(repository / CONFIG, days)
    return repository


def aged(path: Path, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))


def test_credentials_go_at_once_and_the_rest_by_age(tmp_path: Path) -> None:
    mine, other, given_up = (tmp_path / (sign * 32) for sign in "abc")
    killed = left(mine, "train-0000000000000000", days=20)
    failed = left(mine, "train-0000000000000001", days=40)
    at_work = left(other, "generate-0000000000000002.1-of-2", days=40)
    (mine / "cache").mkdir()
    for clone in (other, given_up):
        (clone / "cache").mkdir(parents=True)
        (clone / USED).touch()
        aged(clone / USED, 40)
    users = tmp_path / "notes"
    users.mkdir()
    with held(lock_of(at_work)):
        tidy(mine, {})
        assert killed.is_dir() and not (killed / LOCAL).exists(), "training goes on from there"
        assert not failed.exists()
        assert (at_work / LOCAL).exists(), "it runs"
        assert (mine / "cache").is_dir() and (other / "cache").is_dir() and users.is_dir()
        assert not given_up.exists()
    tidy(mine, {DAYS: "50"})
    assert at_work.is_dir() and not (at_work / LOCAL).exists()
    tidy(mine, {DAYS: "10"})
    assert not killed.exists() and not other.exists()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {mine.name, users.name, "tidy.lock"}, "nothing is on its way out"


def test_days_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is '0'") as caught:
        tidy(tmp_path / ("a" * 32), {DAYS: "0"})
    assert "a number of days" in (caught.value.help or "")
