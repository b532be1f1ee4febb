"""What tests of the page share."""

import pytest

from dataenvgym_spec.report import drawing, growth


@pytest.fixture
def undrawn(monkeypatch):
    """What a page says, without its figures: drawing them takes most of its time."""
    for figure in ("outcomes", "curves", "grid", "fates", "taught"):
        monkeypatch.setattr(drawing, figure, lambda *_, **__: "")
    for figure in ("tree", "flips"):
        monkeypatch.setattr(growth, figure, lambda *_, **__: "")
