"""Two branches change one spec and both compile: what compile writes never stops the merge, what a user wrote is never lost."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dataenvgym_spec.core.errors import UserError
from dataenvgym_spec.emit.merge import merged, sides
from dataenvgym_spec.setup.repair import DRIVERS
from tests.support.repositories import call
from tests.support.specs import TINY

MINE = "  mine:\n    cmd: echo mine\n"
YOURS = "  yours:\n    cmd: echo yours\n"
SWEEP = TINY.replace("name: tiny", "name: sweep") + (
    "matrix: {student.train.learning_rate: [1e-3, 2e-3]}\n"
)


def commit(repo: Path, *changes: tuple[str, str], stage: str = "") -> None:
    """Edits the spec, adds a stage of the user's own, compiles, and commits."""
    for name in ("tiny", "sweep"):
        path = repo / "specs" / f"{name}.yaml"
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    if stage:
        with (repo / "dvc.yaml").open("a", encoding="utf-8") as file:
            file.write(stage)
    call("dataenvgym", "compile", cwd=repo)
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "changed", cwd=repo)


@pytest.fixture
def branches(repo: Path) -> Path:
    """A repository on `main`, and a branch `other`, which went apart."""
    (repo / "specs" / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    commit(repo)
    call("git", "checkout", "-qb", "other", cwd=repo)
    commit(repo, ("examples: 30", "examples: 40"), stage=YOURS)
    call("git", "checkout", "-q", "main", cwd=repo)
    commit(repo, ("max_new_tokens: 5", "max_new_tokens: 6"), stage=MINE)
    return repo


def test_compile_regenerates_over_conflict_markers(branches: Path) -> None:
    for driver in DRIVERS:  # as in a clone that nobody set up
        call("git", "config", "--remove-section", f"merge.{driver}", cwd=branches)
    assert call("git", "merge", "-q", "other", cwd=branches, ok=False).returncode == 1
    conflicts = call("git", "diff", "--name-only", "--diff-filter=U", cwd=branches).stdout.split()
    assert {"dvc.yaml", "experiments/tiny.json"} <= set(conflicts)
    assert not [path for path in conflicts if path.startswith("specs/")]
    assert "<<<<<<<" in (branches / "dvc.yaml").read_text(encoding="utf-8")
    (branches / "specs" / "sweep.yaml").unlink()  # its damaged indexes go too
    call("dataenvgym", "compile", cwd=branches)
    whole(branches)
    assert [path.name for path in (branches / "experiments").iterdir()] == ["tiny.json"]


def test_the_drivers_merge_without_a_conflict(branches: Path) -> None:
    call("git", "merge", "-q", "--no-edit", "other", cwd=branches)
    assert call("git", "status", "--short", cwd=branches).stdout == ""
    assert "specs/tiny.yaml changed" in call("dataenvgym", "status", "tiny", cwd=branches).stderr
    call("dataenvgym", "compile", cwd=branches)
    whole(branches)


def test_a_review_shows_what_people_wrote(repo: Path) -> None:
    call("dataenvgym", "compile", cwd=repo)
    call("git", "add", "-A", cwd=repo)
    written = [path for path in call("git", "ls-files", cwd=repo).stdout.split() if "." in path[1:]]
    told = call("git", "check-attr", "linguist-generated", "--", *written, cwd=repo).stdout
    marked = {line.split(":")[0] for line in told.splitlines() if line.endswith(": set")}
    assert {"dvc.yaml", "experiments/tiny.json"} < marked
    assert {path.split("/")[0] for path in set(written) - marked} <= {"specs", ".dvc"}


def whole(repo: Path) -> None:
    """Nothing is damaged, and the user's stages of both sides are there."""
    assert call("dataenvgym", "compile", "--check", cwd=repo).stdout == "up to date\n"
    content = yaml.safe_load((repo / "dvc.yaml").read_text(encoding="utf-8"))
    assert set(content["stages"]) == {"mine", "tiny", "yours"}
    assert [next(iter(plot)) for plot in content["plots"]] == ["tiny-selection", "tiny-test"]
    call("dvc", "stage", "list", "--all", cwd=repo)


def test_a_users_stage_that_differs_is_not_chosen(branches: Path) -> None:
    call("git", "checkout", "-q", "other", cwd=branches)
    commit(branches, stage=MINE.replace("echo mine", "echo other"))
    call("git", "checkout", "-q", "main", cwd=branches)
    before = (branches / "dvc.yaml").read_text(encoding="utf-8")
    said = call("git", "merge", "--no-edit", "other", cwd=branches, ok=False)
    assert said.returncode == 1
    assert "the two sides of the merge differ in the stage 'mine'" in said.stdout + said.stderr
    assert (branches / "dvc.yaml").read_text(encoding="utf-8") == before


def test_what_a_side_took_away_is_gone() -> None:
    base = {"stages": {"a": {"cmd": "x"}, "b": {"cmd": "y"}}, "vars": ["v.yaml"]}
    ours = {"stages": {"b": {"cmd": "y"}}, "vars": ["v.yaml"], "plots": ["mine.csv"]}
    theirs = {"stages": {"a": {"cmd": "x"}, "b": {"cmd": "z"}}, "plots": [{"p": {"x": "i"}}]}
    assert merged(base, ours, theirs) == {
        "stages": {"b": {"cmd": "z"}},
        "plots": ["mine.csv", {"p": {"x": "i"}}],
    }
    with pytest.raises(UserError, match="differ in the stage 'a'"):
        merged(base, ours, {"stages": {"a": {"cmd": "changed"}}})


def test_a_users_plot_that_differs_is_not_chosen() -> None:
    def drawing(path: str, column: str) -> dict[str, Any]:
        return {"plots": [{"p": {"y": {path: column}}}]}

    own, written = "data/curves/loss.csv", "reports/tiny/curves/test/with-state-0.csv"
    with pytest.raises(UserError, match="differ in the plot 'p'"):
        merged({}, drawing(own, "a"), drawing(own, "b"))
    ours = drawing(written, "a")
    assert merged({}, ours, drawing(written, "b"))["plots"] == ours["plots"]


def test_both_sides_of_markers_with_a_base() -> None:
    text = "1\n<<<<<<< HEAD\n2\n||||||| base\n0\n=======\n3\n>>>>>>> other\n=======\n4\n"
    assert sides(text) == ("1\n2\n=======\n4\n", "1\n3\n=======\n4\n")
    assert sides("1\n=======\n") is None
