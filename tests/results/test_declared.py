"""Since when a contrast is declared, as a real git repository tells it."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.records.origins import DeclaredContrast, Origins
from dataenvgym_spec.report import words
from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.results.declared import Declared, declared
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import study
from tests.support.reported import Store

FIRST = "analysis: {contrasts: [{arm: with-state, against: no-state, primary: true}]}\n"
SAME = """\
# The same contrast, written otherwise, and another one.
analysis:
  contrasts:
    - against: {arm: no-state}
      primary: true
      arm: with-state
      student: best
    - {arm: no-state, against: base}
"""
RESULTS = 1002
"""When the results that the store writes were there: its stages start at 1000 and take 2 seconds."""


def git(root: Path, *arguments: str, at: int = 0) -> str:
    """Runs git in a repository, at a time."""
    when = datetime.fromtimestamp(at, tz=UTC).isoformat()
    own = {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when, "GIT_CONFIG_GLOBAL": "/dev/null"}
    own |= {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(root)}
    for who in ("AUTHOR", "COMMITTER"):
        own |= {f"GIT_{who}_NAME": "one", f"GIT_{who}_EMAIL": "one@example.org"}
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=own, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(root: Path, text: str, *, at: int, name: str = "tiny.yaml") -> str:
    """Commits a version of the spec; the commit."""
    path = root / "specs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    git(root, "add", f"specs/{name}")
    git(root, "commit", "-qm", "a version", at=at)
    return git(root, "rev-parse", "HEAD")


def said(root: Path, *more: dict[str, Any]) -> list[Declared]:
    """What is said of the contrasts of the compiled experiment, in their order."""
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**index, "contrasts": [*index["contrasts"], *more]})
    results = load("tiny", root)
    found = declared(results)
    return [found[question] for question in results.index.contrasts]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A finished experiment in a new git repository without a commit."""
    root = Store(tmp_path / "repo").write().root
    git(root, "init", "-q", "-b", "main")
    return root


def test_without_git_or_commit_nothing_is_claimed(tmp_path: Path) -> None:
    root = Store(tmp_path / "repo").write().root
    # Above it nothing is a repository either: git is told to look no further.
    (root / ".git").write_text("gitdir: /nowhere\n", encoding="utf-8")
    assert said(root) == [Declared(known="no git")]
    (root / ".git").unlink()
    git(root, "init", "-q")
    assert said(root) == [Declared(known="not committed")]
    git(root, "commit", "-q", "--allow-empty", "-m", "nothing", at=500)
    assert said(root) == [Declared(known="not committed")]


def test_the_first_commit_that_means_it_counts_however_it_was_written(root: Path) -> None:
    commit(root, "name: tiny\n", at=100)
    first = commit(root, FIRST, at=RESULTS - 2)
    second = commit(root, SAME, at=RESULTS + 5)
    base = {"arm": "no-state", "against": "no-state", "other": "base"}
    old, new = said(root, base)
    assert old == Declared(known="committed", commit=first, when=RESULTS - 2, before=True)
    assert new == Declared(known="committed", commit=second, when=RESULTS + 5, before=False)
    assert words.declared(old) == f"Declared in {first[:10]} (1970-01-01), before its first result."
    assert "after its first result: it may have been chosen by that" in words.declared(new)


def test_a_contrast_that_became_primary_is_another_one(root: Path) -> None:
    commit(root, FIRST.replace(", primary: true", ""), at=10)
    later = commit(root, FIRST, at=RESULTS + 1)
    (found,) = said(root)
    assert (found.commit, found.before) == (later, False)


def test_a_spec_that_was_renamed_or_merged_keeps_its_history(root: Path) -> None:
    first = commit(
        root, FIRST + "# " + "long enough to be known again " * 9, at=10, name="old.yaml"
    )
    git(root, "mv", "specs/old.yaml", "specs/tiny.yaml")
    git(root, "commit", "-qm", "another name", at=20)
    assert [one.commit for one in said(root)] == [first]


def test_a_spec_that_began_as_a_copy_has_a_history_of_its_own(root: Path) -> None:
    text = FIRST + "# " + "long enough to be known again " * 9 + "\n"
    commit(root, "name: old\n" + text, at=10, name="old.yaml")
    copied = commit(root, "name: tiny\n" + text, at=RESULTS + 1)
    (found,) = said(root)
    assert (found.commit, found.before) == (copied, False)


def test_what_stood_under_another_name_is_of_another_experiment(root: Path) -> None:
    commit(root, "name: old\n" + FIRST, at=10)
    renamed = commit(root, "name: tiny\n" + FIRST, at=20)
    assert [one.commit for one in said(root)] == [renamed]


def test_a_contrast_that_was_removed_counts_from_when_it_came_back(root: Path) -> None:
    commit(root, FIRST, at=10)
    commit(root, "name: tiny\n", at=20)
    assert [one.known for one in said(root)] == ["not committed"]
    back = commit(root, FIRST, at=RESULTS + 1)
    (found,) = said(root)
    assert (found.commit, found.before) == (back, False)
    git(root, "rm", "-q", "specs/tiny.yaml")
    git(root, "commit", "-qm", "gone", at=RESULTS + 2)
    again = commit(root, FIRST, at=RESULTS + 3)
    assert [one.commit for one in said(root)] == [again]


def test_a_branch_that_had_it_not_yet_removes_nothing(root: Path) -> None:
    commit(root, "name: tiny\nseeds: 1\n\n", at=1)
    git(root, "checkout", "-qb", "other")
    first = commit(root, "name: tiny\nseeds: 1\n\n" + FIRST, at=10)
    git(root, "checkout", "-q", "main")
    commit(root, "description: x\nname: tiny\nseeds: 1\n\n", at=20)
    git(root, "merge", "-q", "other", "-m", "merged", at=30)
    assert [one.commit for one in said(root)] == [first]


def test_what_one_commit_moved_to_a_parent_was_there_all_the_time(root: Path) -> None:
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    inputs = {"specs/tiny.yaml": "ab", "specs/parent.yaml": "cd"}
    write_json(path, {**index, "inputs": inputs})
    first = commit(root, FIRST, at=10)
    (root / "specs" / "tiny.yaml").write_text("extends: parent.yaml\n", encoding="utf-8")
    git(root, "add", "specs/tiny.yaml")
    commit(root, FIRST, at=20, name="parent.yaml")
    assert [one.commit for one in said(root)] == [first]


def test_what_a_merge_alone_added_is_found(root: Path) -> None:
    commit(root, "name: tiny\n", at=10)
    git(root, "checkout", "-qb", "other")
    git(root, "commit", "-q", "--allow-empty", "-m", "there", at=20)
    git(root, "checkout", "-q", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "here", at=20)
    git(root, "merge", "-q", "--no-commit", "other")
    merged = commit(root, FIRST, at=30)
    assert [one.commit for one in said(root)] == [merged]


def test_a_shallow_clone_does_not_know_more_than_it_has(root: Path, tmp_path: Path) -> None:
    commit(root, FIRST, at=10)
    commit(root, FIRST + "seeds: {run: 1}\n", at=20)
    last = commit(root, SAME, at=30)
    git(root, "add", "experiments", "store")
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{root}", "clone")
    clone = Store(tmp_path / "other").write().root
    (tmp_path / "clone" / ".git").rename(clone / ".git")
    base = {"arm": "no-state", "against": "no-state", "other": "base"}
    old, new = said(clone, base)
    assert (old.known, new.known, new.commit) == ("shallow", "committed", last)
    assert "this clone is shallow" in words.declared(old)


def test_metrics_name_the_commit_and_hostile_versions_do_no_harm(root: Path) -> None:
    commit(root, "analysis: {contrasts: [3, {arm: [], against: 1}, contrasts]}\n", at=1)
    commit(root, "analysis: {contrasts: {a: [}\n", at=2)
    (root / "specs" / "tiny.yaml").write_bytes(b"contrasts \xff\xfe\0")
    git(root, "commit", "-qam", "no text", at=3)
    git(root, "rm", "-q", "specs/tiny.yaml")
    git(root, "commit", "-qm", "gone", at=4)
    first = commit(root, FIRST, at=5)
    (row,) = json.loads(metrics(study(load("tiny", root))))["contrasts"].values()
    assert row["declared"] == {
        "known": "committed",
        "commit": first,
        "when": "1970-01-01T00:00:05+00:00",
        "before_results": True,
    }


def bring(root: Path, commit: str, when: int, **more: Any) -> None:
    """Writes what the history said where the study came from."""
    (question,) = load("tiny", root).index.contrasts
    row = DeclaredContrast(question=question, commit=commit, when=when, **more)
    (root / "experiments" / "origins").mkdir(exist_ok=True)
    write_json(root / "experiments" / "origins" / "tiny.json", Origins(contrasts=(row,)))


def test_what_a_bundle_brought_counts_unless_git_knows_of_an_earlier_one(root: Path) -> None:
    there = "ab" * 20
    bring(root, there, RESULTS - 5)
    assert said(root) == [Declared(known="committed", commit=there, when=RESULTS - 5, before=True)]
    # Whoever opened it commits its spec, of course later.
    commit(root, FIRST, at=RESULTS + 100)
    assert [one.commit for one in said(root)] == [there]
    bring(root, there, RESULTS + 200)
    assert [one.when for one in said(root)] == [RESULTS + 100]
    bring(root, there, 5, shallow=True)
    (found,) = said(root)
    assert (found.known, found.commit, found.before) == ("shallow", there, None)


def test_what_was_brought_and_is_damaged_is_told(root: Path) -> None:
    bring(root, "ab" * 20, 5)
    (root / "experiments" / "origins" / "tiny.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StageError, match="is damaged"):
        said(root)
