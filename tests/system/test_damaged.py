"""What commands say of a repository whose files are damaged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.kept import fuzz_kept
from tests.support.complete import Complete


def test_a_short_run_of_the_fuzzer_of_kept_files_finds_nothing(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(mine))
    said: list[str] = []
    seed = int(os.environ.get("FUZZ_SEED", "3"))
    tally = fuzz_kept(40, seed=seed, say=said.append, finished=finished, seldom=0)
    assert not tally.findings, said
    assert sum(tally.exits[f"journal {code}"] for code in (0, 1, 2)) >= 4
    assert not mine.exists(), "it read or wrote the journal of whoever runs it"
    assert sum(count for exit, count in tally.exits.items() if exit.endswith(" 2")) > 5
    assert sum(count for exit, count in tally.exits.items() if exit.endswith(" 0")) > 20


def test_small_edits_of_an_index_that_leave_valid_json_are_no_faults_of_ours(
    tmp_path: Path,
) -> None:
    Complete(tmp_path)
    said: list[str] = []
    tally = fuzz_kept(15, seed=1, say=said.append, finished=tmp_path, seldom=0, aimed=1)
    assert not tally.findings, said
    assert tally.exits["report 2"] > 5, "what does not agree is refused"


def test_the_fuzzer_of_kept_files_notices_what_it_is_for(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that lets the error of a damaged file through is a finding."""
    monkeypatch.setenv("DATAENVGYM_JOURNAL", str(tmp_path))
    said: list[str] = []
    monkeypatch.setattr("dataenvgym_spec.store.dvc.state._damaged", lambda *_, **__: 1 / 0)
    # The first of this seed that meets such a file is beyond 40; a change of what is drawn moves it.
    for first in (*range(40, 200, 10), *range(0, 40, 10)):
        fuzz_kept(10, seed=3, first=first, say=said.append, finished=finished, seldom=0)
        if said:
            break
    assert "ZeroDivisionError" in "\n".join(said)


def test_the_fuzzer_of_kept_files_damages_the_journal(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row whose checksum is not looked at, or whose types are not, is a finding."""
    said: list[str] = []
    monkeypatch.setattr("dataenvgym_spec.store.journal._is_damage", lambda _error: False)
    monkeypatch.setattr("dataenvgym_spec.store.journal.Journal._unusable", lambda *_: 1 / 0)
    # Of these, most get a damaged journal.
    tally = fuzz_kept(8, seed=3, say=said.append, finished=finished, seldom=0)
    assert "ZeroDivisionError" in "\n".join(said)
    assert any("journal.sqlite" in "".join(found.files) for found in tally.findings)


@pytest.mark.slow
def test_what_is_seldom_called_on_damage_of_what_a_service_wrote() -> None:
    """`run --replay`, `track` and `replicate`, in processes of their own."""
    said: list[str] = []
    seed = int(os.environ.get("FUZZ_SEED", "3"))
    tally = fuzz_kept(12, seed=seed, say=said.append, seldom=1)
    assert not tally.findings, said
    assert {"track", "run", "replicate"} <= {exit.split()[0] for exit in tally.exits}
