"""What a name on a command line stands for: the experiments of active specs, and compiled ones of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repositories import call, expect_refusal

SPEC = "specs/library/kept.yaml"
INHERITED = "version: 1\nname: other\nextends: ../tiny.yaml\nloop: {iterations: 1}\n"
SWEEP = INHERITED + "matrix:\n  loop.iterations: [1, 2]\n"


@pytest.fixture
def library(repo: Path) -> Path:
    """A repository with a spec that is active only where its path is given."""
    (repo / "specs" / "library").mkdir()
    (repo / SPEC).write_text(INHERITED, encoding="utf-8")
    return repo


def refused(repo: Path, name: str) -> str:
    said = call("dataenvgym", "validate", name, cwd=repo, ok=False)
    expect_refusal(said, f"there is no experiment '{name}'")
    return said.stderr


def test_what_was_compiled_from_elsewhere_goes_by_its_name(library: Path) -> None:
    for name in ("other", "library/other", "othr"):
        assert "compiled" not in refused(library, name)
    call("dataenvgym", "compile", SPEC, cwd=library)
    assert "did you mean 'other'?" in refused(library, "othr")
    by_path = call("dataenvgym", "show", SPEC, cwd=library).stdout
    assert call("dataenvgym", "show", "other", cwd=library).stdout == by_path
    # By both spellings it is one spec.
    for command in (("validate", "other", SPEC), ("validate", SPEC, "other")):
        said = call("dataenvgym", *command, cwd=library).stdout
        assert said == "1 experiment valid: other\n"
    call("dataenvgym", "bundle", "other", cwd=library)
    assert (library / "other.bundle.tar.gz").exists()
    call("git", "add", "-A", cwd=library)
    call("git", "commit", "-qm", "compiled", cwd=library)
    assert "same meaning" in call("dataenvgym", "diff", "other", cwd=library).stdout


def test_so_do_a_sweep_and_its_points(library: Path) -> None:
    (library / SPEC).write_text(SWEEP, encoding="utf-8")
    call("dataenvgym", "compile", SPEC, cwd=library)
    names = sorted(path.stem for path in (library / "experiments").glob("*.json"))
    assert len(names) == 2
    both = call("dataenvgym", "validate", "other", cwd=library).stdout
    assert all(name in both for name in names)
    one = call("dataenvgym", "validate", names[0], cwd=library).stdout
    assert one == f"1 experiment valid: {names[0]}\n"
    call("git", "add", "-A", cwd=library)
    call("git", "commit", "-qm", "compiled", cwd=library)
    assert "gone" not in call("dataenvgym", "diff", names[0], cwd=library).stdout


def test_an_active_spec_comes_first(library: Path) -> None:
    call("dataenvgym", "compile", SPEC, cwd=library)
    (library / "specs" / "other.yaml").write_text(
        INHERITED.replace("../", "").replace("iterations: 1", "iterations: 2"), encoding="utf-8"
    )
    assert "iterations: 2" in call("dataenvgym", "show", "other", cwd=library).stdout


def test_a_spec_that_is_not_active_is_found_for_the_remedy(library: Path) -> None:
    assert f"give the path of its spec: {SPEC}" in refused(library, "other")
    said = call("dataenvgym", "validate", "other", cwd=library / "specs", ok=False)
    assert "give the path of its spec: library/kept.yaml" in said.stderr


def test_a_compiled_experiment_whose_spec_has_changed_says_where_it_was(library: Path) -> None:
    call("dataenvgym", "compile", SPEC, cwd=library)
    (library / SPEC).write_text(INHERITED.replace("other", "renamed"), encoding="utf-8")
    assert f"it was compiled from {SPEC}, specs/tiny.yaml" in refused(library, "other")
    (library / "experiments" / "other.json").write_text("<<<<<<< no JSON", encoding="utf-8")
    assert "allowed here: " in refused(library, "other")
