"""What a spec said of contrasts in every commit, as a real git repository tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report import declaring
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.declared import declarations
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import study
from tests.support.committed import BASE, FIRST, RESULTS, SAME, commit, git, left_out, said
from tests.support.reported import Store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A finished experiment in a new git repository without a commit."""
    root = Store(tmp_path / "repo").write().root
    git(root, "init", "-q", "-b", "main")
    return root


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


def test_one_that_a_merged_branch_left_out_was_left_out_there(root: Path) -> None:
    first = "name: tiny\nseeds: 1\n\n"
    came = commit(root, first + BASE, at=1)
    git(root, "checkout", "-qb", "other")
    went = commit(root, first, at=10)
    git(root, "checkout", "-q", "main")
    commit(root, "description: x\n" + first + BASE, at=20)
    git(root, "merge", "-q", "other", "-m", "merged", at=30)
    (one,) = left_out(root)
    assert (one.since.commit, one.commit) == (came, went)
    words = [sentence for sentence, _ in declaring.no_more(declarations(load("tiny", root)))]
    assert "(exploratory, equivalence within ±2 points) is declared no more" in words[0]


def test_a_parent_counts_as_long_as_the_spec_extends_it_and_has_no_list_of_its_own(
    root: Path,
) -> None:
    extends = "name: tiny\nextends: parent.yaml\n"
    commit(root, SAME, at=5, name="parent.yaml")
    commit(root, "name: tiny\n", at=10)
    came = commit(root, extends, at=20)
    # Of a parent that is extended since then; when that was written does not matter.
    (root / "specs" / "tiny.yaml").write_text(extends, encoding="utf-8")
    inputs = {"specs/tiny.yaml": "ab", "specs/parent.yaml": "cd"}
    (dropped,) = left_out(root, inputs=inputs)
    assert (dropped.question.against, dropped.since.commit) == ("no-state", came)
    assert [one.commit for one in said(root)] == [came]
    own = commit(root, extends + FIRST, at=30)
    (dropped,) = left_out(root)
    assert (dropped.since.commit, dropped.commit) == (came, own), "its own list replaces it"
    commit(root, SAME.replace("primary", "student: last\n      primary"), at=40, name="parent.yaml")
    commit(root, "# nothing\n", at=50, name="parent.yaml")
    assert left_out(root) == (dropped,), "what the spec did not inherit it did not leave out"
    # Nor does a parent have to be one today.
    commit(root, "name: tiny\n" + FIRST, at=60)
    assert left_out(root, inputs={"specs/tiny.yaml": "ab"}) == (dropped,)


def test_history_is_a_strangers_text(root: Path) -> None:
    hostile = "analysis: {contrasts: [{arm: '<b>', against: \"a\\u202e\"}]}\n"
    commit(root, hostile.replace("'", '"'), at=1)
    commit(root, 'extends: [../../etc/passwd, /etc/passwd, tiny.yaml, "a\\nb"]\n', at=2)
    commit(root, FIRST, at=3)
    ((sentence, _),) = declaring.no_more(declarations(load("tiny", root)))
    assert sentence.isprintable() and "<b>" in sentence
    assert "<b>" not in page(study(load("tiny", root)))
