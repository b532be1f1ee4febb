"""The tests themselves: what they share stands in `tests/support`, so that each file can be read and changed alone."""

import ast
from pathlib import Path

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
