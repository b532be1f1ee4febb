"""`dataenvgym shard`: only a run calls it, in the directory of a stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repositories import call


@pytest.mark.parametrize("arguments", [(), ("1",), ("1", "two"), ("--help",)])
def test_it_is_not_for_people(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = call("dataenvgym", "shard", *arguments, cwd=tmp_path, ok=False)
    assert ended.returncode == 2
    assert "this command is for a run" in ended.stderr
