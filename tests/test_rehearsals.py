"""The paper's cells rehearsed here, without a hub and without a key; and what a rehearsal finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataenvgym_spec.execute.rehearsal.hub import HubAccess
from dataenvgym_spec.execute.rehearsal.rehearsal import rehearse
from tests.support.repositories import ROOT

PAPER = ROOT / "specs" / "library" / "paper"
NAMES = sorted(path.stem for path in PAPER.glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_cell_of_the_paper_is_rehearsed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(variable, raising=False)
    found = rehearse(
        PAPER / f"{name}.yaml", root=ROOT, folder=tmp_path / "it", hub=HubAccess(asks=False)
    )
    assert not found.played.failed and not found.played.skipped, found.findings
    assert {finding.code for finding in found.findings} == {"E209", "E211"}
    (student,) = {one.name for one in found.estimates.students}
    assert student == "google/gemma-2-2b-it"
    assert found.asked.requests and len(found.played.done) < found.real
