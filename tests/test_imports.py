"""Imports point one way, and what must start fast imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT, call

PACKAGE = ROOT / "dataenvgym_spec"
LAYERS = [
    *(
        "errors",
        "columns",
        "catalogue",
        "source",
        "hashing",
        "components",
        "spec",
        "hover",
        "partial",
        "schema",
        "reference",
        "findings",
        "kinds",
        "merge",
        "extends",
        "matrix",
        "setting",
        "same_as",
        "references",
        "lockfile",
        "files",
        "resolve",
        "explain",
        "locked",
    ),
    *(
        "ir",
        "capacity",
        "fit",
        "supply",
        "meaning",
        "twins",
        "size",
        "passes",
        "blame",
        "compiler",
        "emit",
        "promises",
        "places",
        "causes",
        "repro",
        "plan",
        "diff",
    ),
    *("prices", "cost_table", "cost_size", "cost", "limits"),
]
COMPILER = {*LAYERS} - {"plan"}
HEAVY = {"torch", "transformers", "vllm", "datasets", "mlflow", "peft", "accelerate", "reasoning_gym", "matplotlib", "scipy", "dvc", "pandas", "numpy"}


def imports(path: Path) -> set[str]:
    """The modules of this package that a file imports, as the part after `dataenvgym_spec.`."""
    out = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dataenvgym_spec"):
            inner = (node.module or "").removeprefix("dataenvgym_spec").removeprefix(".")
            out |= {inner} if inner else {alias.name for alias in node.names}
    return out


def part(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def files(name: str) -> list[Path]:
    path = PACKAGE / name
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


@pytest.mark.parametrize("name", LAYERS)
def test_the_compiler_imports_only_what_comes_before(name: str) -> None:
    allowed = {*LAYERS[: LAYERS.index(name) + 1], "store"} if name == "emit" else set(LAYERS[: LAYERS.index(name) + 1])
    for path in files(name):
        assert {part(module) for module in imports(path)} <= allowed, path


def test_the_compiler_knows_no_executor_and_no_tracking() -> None:
    for name in COMPILER:
        for path in files(name):
            assert not {part(module) for module in imports(path)} & {
                "stages",
                "track",
                "report",
                "cli",
                "tasks",
                "students",
                "agents",
                "engines",
                "checks",
                "teachers",
            }


@pytest.mark.parametrize("name", ["tasks", "students", "agents", "engines", "checks", "teachers", "stages", "store", "report", "track", "results"])
def test_nothing_below_the_command_line_imports_it(name: str) -> None:
    for path in files(name):
        assert "cli" not in {part(module) for module in imports(path)}, path


def test_only_one_file_imports_mlflow() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if _top_level_packages(path) & {"mlflow"}}
    assert found == {"track/mlflow.py"}


def _top_level_packages(path: Path) -> set[str]:
    out: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            out |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            out.add(node.module.split(".")[0])
    return out


@pytest.mark.parametrize("command", [["validate"], ["compile", "--check"], ["plan"], ["show", "tiny"], ["graph", "tiny"]])
def test_what_must_start_fast_imports_nothing_heavy(command: list[str], repo: Path) -> None:
    call("dataenvgym", "compile", cwd=repo)
    code = f"import sys; sys.argv = ['dataenvgym', *{command!r}]\nfrom dataenvgym_spec.cli.main import main\ntry:\n main()\nexcept SystemExit as end:\n assert not end.code, end.code\n"
    code += f"heavy = {sorted(HEAVY)!r}\nprint('HEAVY', [name for name in heavy if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=repo, capture_output=True, text=True, check=False)
    assert "HEAVY []" in result.stdout, result.stdout[-500:] + result.stderr[-2000:]


@pytest.mark.parametrize("kind", ["plan", "generate", "check", "data", "reserve", "skills", "select", "train"])
def test_stages_without_a_model_import_no_torch(kind: str) -> None:
    code = f"import sys; from dataenvgym_spec.stages.table import executor; executor({kind!r}); print('torch' in sys.modules, 'transformers' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]
