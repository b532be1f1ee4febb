"""What commands say of a repository whose files are damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.kept import fuzz_kept


def test_a_short_run_of_the_fuzzer_of_kept_files_finds_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path))
    said: list[str] = []
    seed = int(os.environ.get("FUZZ_SEED", "3"))
    tally = fuzz_kept(40, seed=seed, say=said.append, finished=finished)
    assert not tally.findings, said
    assert sum(count for exit, count in tally.exits.items() if exit.endswith(" 2")) > 5
    assert sum(count for exit, count in tally.exits.items() if exit.endswith(" 0")) > 20


def test_the_fuzzer_of_kept_files_notices_what_it_is_for(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that lets the error of a damaged file through is a finding."""
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path))
    said: list[str] = []
    monkeypatch.setattr("dataenvgym_spec.store.dvc.state._damaged", lambda *_, **__: 1 / 0)
    fuzz_kept(40, seed=3, say=said.append, finished=finished)
    assert "ZeroDivisionError" in "\n".join(said)
