"""Some examples of an iteration in MLflow: as many as people read, with how many there are."""

from pathlib import Path

import pytest

from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.track import shown
from tests.support.taught import Taught


def test_some_are_shown_evenly_and_all_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Taught(tmp_path)
    (run, *_) = load("tiny", tmp_path).runs
    turn = run.iterations[1]
    accepted = [row.id for row in turn.accepted]
    assert len(accepted) > 2 and turn.rejected
    monkeypatch.setattr(shown, "SHOWN", 2)
    (artifact,) = shown.artifacts(turn)
    first, second = (artifact.text or "").split("\n\n| ")[1:]
    assert (artifact.text or "").startswith(f"2 of {len(accepted)} accepted examples; ")
    assert f"{min(2, len(turn.rejected))} of {len(turn.rejected)} rejected examples; " in first
    rows = first.splitlines()[2:4]
    half = len(accepted) // 2 if len(accepted) % 2 == 0 else len(accepted) // 2 + 1
    assert [row.split()[1] for row in rows] == [accepted[half - 1], accepted[-1]]
    assert turn.rejected[-1].check in second
    assert list(shown.artifacts(run.iterations[0])) == []
