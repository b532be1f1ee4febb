"""The tests themselves: what they share stands in `tests/support`, so that each file can be read and changed alone."""

import ast
import os
from pathlib import Path

import pytest

from tests.support.machines import needs_machines, network
from tests.support.repositories import ROOT

SHARED = ("tests.support", "tests.fuzz")


def imported(path: Path) -> set[str]:
    """The modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return names


def test_no_test_imports_another() -> None:
    files = [*ROOT.glob("tests/test_*.py"), *ROOT.glob("tests/*/*.py")]
    assert len(files) > 60
    for path in files:
        local = {name for name in imported(path) if name.partition(".")[0] == "tests"}
        assert all(name.startswith(SHARED) for name in local), (path, local)


@needs_machines
def test_namespaces_that_are_refused_skip_a_test_and_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root of a container has the tools, and may not use them."""
    tool = tmp_path / "ip"
    tool.write_text("#!/bin/sh\necho 'mount --make-shared failed' >&2; exit 1\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    why = r"'ip netns add' is refused: mount --make-shared failed"
    with pytest.raises(pytest.skip.Exception, match=why), network():
        pass
