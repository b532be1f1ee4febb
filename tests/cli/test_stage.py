"""`dataenvgym stage`: after which stages it brings tracking up to date."""

from pathlib import Path

import pytest

from dataenvgym_spec.cli import stage
from dataenvgym_spec.execute.run import Published
from dataenvgym_spec.store.layout import Layout


@pytest.mark.parametrize(
    ("kind", "experiments", "tracked"),
    [
        ("plan", ("a", "b"), ["a", "b"]),
        ("select", ("a",), ["a"]),
        ("train", ("a",), []),
        ("plan", ("a", "b", "c", "d", "e"), []),
    ],
)
def test_tracking_follows_the_stages_that_complete_an_iteration(
    kind: str,
    experiments: tuple[str, ...],
    tracked: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[str] = []

    def note(_layout: Layout, name: str) -> bool:
        started.append(name)
        return True

    monkeypatch.setattr("dataenvgym_spec.track.background.start_in_background", note)
    stage._track(Layout(root=tmp_path), Published(kind=kind, experiments=experiments))
    assert started == tracked
