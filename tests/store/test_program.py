"""What git prints, and nothing where it fails or is not installed."""

from pathlib import Path

import pytest

from dataenvgym_spec.store.git.program import git, lines
from dataenvgym_spec.store.layout import Layout
from tests.support.commands import call


def test_what_git_prints_comes_line_by_line(tmp_path: Path) -> None:
    call("git", "init", "-q", "-b", "trunk", cwd=tmp_path)
    layout = Layout(root=tmp_path)
    asked = ("rev-parse", "--is-inside-work-tree", "--is-bare-repository")
    assert git(layout, *asked) == b"true\nfalse\n"
    assert lines(layout, *asked) == [b"true", b"false"]


def test_where_git_fails_or_is_missing_there_are_no_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(root=tmp_path)
    assert git(layout, "rev-parse", "--verify", "nothing") is None
    assert lines(layout, "rev-parse", "--verify", "nothing") == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git(layout, "version") is None
    assert lines(layout, "version") == []
