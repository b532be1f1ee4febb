"""The faces of the wings: what `__init__` files re-export, and that it costs nothing to start."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_imports import FLOOR, HEAVY, PACKAGE

FACES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))


@pytest.mark.parametrize("folder", FACES, ids=lambda folder: folder.name)
def test_a_face_says_what_its_folder_is_for(folder: Path) -> None:
    text = (folder / "__init__.py").read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("wing", FLOOR)
def test_a_face_re_exports_what_its_own_wing_defines_and_hides_no_module(wing: str) -> None:
    face = importlib.import_module(f"dataenvgym_spec.{wing}")
    names = getattr(face, "__all__", [])
    assert len(set(names)) == len(names)
    modules = {path.stem for path in (PACKAGE / wing).iterdir()}
    # The module could not be reached by its path any more.
    assert not modules & set(names)
    for name in names:
        home = getattr(getattr(face, name), "__module__", None) or ""
        if home.startswith("dataenvgym_spec."):
            assert home.startswith(f"dataenvgym_spec.{wing}."), name


@pytest.mark.parametrize("wing", FLOOR)
def test_a_face_imports_nothing_heavy(wing: str) -> None:
    code = (
        f"import sys, dataenvgym_spec.{wing}\n"
        f"print([name for name in {sorted(HEAVY)!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
