"""What is advised where results are not here: the command that fetches them if somebody has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataenvgym_spec.core.making import making
from tests.support.repositories import ROOT

PACKAGE = ROOT / "dataenvgym_spec"
ADVICE = re.compile(r"(?:run|then|next): dvc repro(?! NAME, with --pull)")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("", encoding="utf-8")
    return tmp_path


def test_where_a_remote_may_have_results_they_are_fetched_from_it(root: Path) -> None:
    assert making(root, "quickstart") == "dvc repro quickstart"
    config = "[core]\n    remote = team\n['remote \"team\"']\n    url = ssh://there/store\n"
    (root / ".dvc" / "config").write_text(config, encoding="utf-8")
    assert making(root, "quickstart") == "dvc repro --pull quickstart"
    files = ("store/a/dvc.yaml", "store/b/dvc.yaml")
    assert making(root, *files) == f"dvc repro --pull {' '.join(files)}"


def test_a_point_of_a_sweep_is_not_searched_for_by_dvc(root: Path) -> None:
    assert making(root, "rates-low", sweep=True) == "dataenvgym run rates-low"
    config = "['remote \"team\"']\n    url = ssh://there/store\n"
    (root / ".dvc" / "config").write_text(config, encoding="utf-8")
    assert making(root, "rates-low", sweep=True) == "dataenvgym run --pull rates-low"


def test_nobody_advises_it_in_words_of_their_own() -> None:
    """But for who calls a command that is DVC's own, where no repository is known."""
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if ADVICE.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["cli/stage.py"]
