"""The faces of the wings: what `__init__` files re-export, and that it costs nothing to start."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.repositories import PACKAGE
from tests.support.wings import FLOOR, HEAVY, parsed

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
        # gym's face is all that a package with components imports: records and errors are in it.
        if home.startswith("dataenvgym_spec.") and wing != "gym":
            assert home.startswith(f"dataenvgym_spec.{wing}."), name


@pytest.mark.parametrize("wing", FLOOR)
def test_a_face_imports_nothing_heavy(wing: str) -> None:
    code = (
        f"import sys, dataenvgym_spec.{wing}\n"
        f"print([name for name in {sorted(HEAVY)!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_face_of_gym_names_each_thing_once_and_imports_it_when_it_is_used() -> None:
    tree = parsed(PACKAGE / "gym" / "__init__.py")
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    typed = {}
    for node in block.body:
        for alias in node.names:
            module = node.module.removeprefix("dataenvgym_spec.")
            typed[alias.asname or alias.name] = f"{module}:{alias.name}"
    code = (
        "import sys, dataenvgym_spec.gym as gym\n"
        "early = [name for name in sys.modules if name.startswith('dataenvgym_spec.gym.')]\n"
        "values = [getattr(gym, name) for name in gym.__all__]\n"
        f"heavy = [name for name in {sorted(HEAVY)!r} if name in sys.modules]\n"
        "print(repr((early, gym.__all__, gym._PLACES, heavy)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == ([], sorted(typed), typed, [])
