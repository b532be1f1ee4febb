"""The rule of imports: eight floors of wings, and what must start fast imports nothing heavy."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repositories import PACKAGE, call
from tests.support.wings import FLOOR, HEAVY, parsed

COMPILER = ("language", "resolve", "graph", "compile", "emit", "questions")
NEVER = {
    **{wing: {"gym", "execute", "schedule", "report", "track"} for wing in COMPILER},
    "gym": {"graph", "store", "execute"},
    "store": {"resolve", "compile", "emit", "questions"},
}
"""What a wing does not import although it is on a lower floor."""


def imported(tree: ast.Module) -> Iterator[str]:
    """The modules that a file imports, at its top or inside of a function, by their full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wings(tree: ast.Module) -> set[str]:
    """The wings of this package that a file imports from."""
    parts = (name.split(".") for name in imported(tree))
    return {
        part[1]
        for part in parts
        if part[0] == "dataenvgym_spec" and len(part) > 1 and part[1] in FLOOR
    }


def forbidden(wing: str, others: set[str]) -> set[str]:
    """Which of some wings a wing may not import from."""
    return {
        other
        for other in others - {wing}
        if FLOOR[other] >= FLOOR[wing] or other in NEVER.get(wing, ())
    }


def test_the_top_folder_holds_the_wings_and_no_loose_module() -> None:
    names = {
        path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"
    }
    assert names == {*FLOOR}
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


@pytest.mark.parametrize("wing", FLOOR)
def test_a_wing_imports_only_from_lower_floors(wing: str) -> None:
    for path in sorted((PACKAGE / wing).rglob("*.py")):
        assert not forbidden(wing, wings(parsed(path))), path.relative_to(PACKAGE)


@pytest.mark.parametrize("wing", FLOOR)
def test_the_rule_notices_every_import_upward(wing: str) -> None:
    for other, floor in FLOOR.items():
        code = ast.parse(f"def late():\n    from dataenvgym_spec.{other}.deep import name\n")
        upward = other != wing and (floor >= FLOOR[wing] or other in NEVER.get(wing, ()))
        assert forbidden(wing, wings(code)) == ({other} if upward else set())


@pytest.mark.parametrize(
    ("module", "file"), [("mlflow", "track/mlflow.py"), ("hashlib", "core/hashing.py")]
)
def test_only_one_file_imports(module: str, file: str) -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if module in {name.split(".")[0] for name in imported(parsed(path))}
    }
    assert found == {file}


def test_what_must_start_fast_imports_nothing_heavy(repo: Path) -> None:
    call("dataenvgym", "compile", cwd=repo)
    said = python(
        f"""
import sys
from dataenvgym_spec.cli.main import main
for line in "validate", "compile --check", "plan", "show tiny", "graph tiny", "components":
    sys.argv = ["dataenvgym", *line.split()]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (line, end.code)
    print("HEAVY", line, [name for name in {sorted(HEAVY)} if name in sys.modules])
""",
        cwd=repo,
    )
    heavy = [line for line in said.splitlines() if line.startswith("HEAVY")]
    assert len(heavy) == 6 and all(line.endswith(" []") for line in heavy), heavy


def test_stages_without_a_model_import_no_torch() -> None:
    kinds = ["plan", "generate", "check", "data", "reserve", "skills", "select", "train"]
    code = "import sys; from dataenvgym_spec.execute.table import executor\n"
    code += f"for kind in {kinds}: executor(kind)\n"
    said = python(f"{code}print('torch' in sys.modules, 'transformers' in sys.modules)")
    assert said.split() == ["False", "False"]


def test_what_a_worker_does_costs_the_process_that_asks_no_import() -> None:
    """DVC starts one for each stage: what runs a stage takes as long to import as all else that it does."""
    late = ["dataenvgym_spec.execute.context", "jinja2", "click", "importlib.metadata"]
    code = "import sys, dataenvgym_spec.cli.main, dataenvgym_spec.cli.stage, dataenvgym_spec.execute.warm.client\n"
    assert python(f"{code}print([name for name in {late} if name in sys.modules])") == "[]\n"


def python(code: str, cwd: Path | None = None) -> str:
    """What a program prints that must not fail."""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert not result.returncode, result.stderr[-2000:]
    return result.stdout
