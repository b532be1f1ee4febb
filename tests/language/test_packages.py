"""The version of an installed package that declares none."""

from pathlib import Path

import pytest

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.language.packages import source_version


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that can be found, under a name of its own."""
    folder = tmp_path / "site" / "made_up_policies"
    (folder / "prompts").mkdir(parents=True)
    for name in ("__init__.py", "greedy.py", "greedy.json", "prompts/plan.j2", "words.txt.gz"):
        (folder / name).write_text(name, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    return folder


def version(name: str = "made_up_policies") -> str:
    source_version.cache_clear()
    return source_version(name)


@pytest.mark.parametrize("name", ["greedy.py", "greedy.json", "prompts/plan.j2", "words.txt.gz"])
def test_every_file_of_a_package_is_in_its_version(package: Path, name: str) -> None:
    before = version()
    (package / name).write_text("changed", encoding="utf-8")
    changed = version()
    assert changed != before
    (package / name).unlink()
    assert version() not in (before, changed)


@pytest.mark.parametrize("name", ["__pycache__/greedy.pyc", ".git/HEAD", ".mypy_cache/x.json"])
def test_what_programs_leave_beside_them_is_not(package: Path, name: str) -> None:
    before = version()
    (package / name).parent.mkdir()
    (package / name).write_text("x", encoding="utf-8")
    assert version() == before


def test_a_module_outside_of_a_package_is_the_files_called_like_it(package: Path) -> None:
    for name in ("lone_module.py", "lone_module.json", "lone_module.j2", "other.py"):
        (package.parent / name).write_text("x", encoding="utf-8")
    before = version("lone_module")
    (package.parent / "other.py").write_text("y", encoding="utf-8")
    assert version("lone_module") == before
    (package.parent / "lone_module.j2").write_text("y", encoding="utf-8")
    assert version("lone_module") != before


def test_a_package_that_cannot_be_read_is_told(package: Path) -> None:
    (package / "gone.py").symlink_to("nowhere")
    with pytest.raises(UserError, match="link to nothing"):
        version()
