"""Since when a contrast is declared, as a real git repository tells it."""

from __future__ import annotations

import csv
import html
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli.report import command
from dataenvgym_spec.core.errors import StageError
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.records.origins import DeclaredContrast, Origins
from dataenvgym_spec.report import declaring
from dataenvgym_spec.report.exports import export
from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.declared import Declared, declarations, rows_of
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
    assert (
        declaring.declared(old)
        == f"Declared in {first[:10]} (1970-01-01), before its first result."
    )
    assert "after its first result: it may have been chosen by that" in declaring.declared(new)


def test_a_contrast_that_became_primary_is_another_one(root: Path) -> None:
    commit(root, FIRST.replace(", primary: true", ""), at=10)
    later = commit(root, FIRST, at=RESULTS + 1)
    (found,) = said(root)
    assert (found.commit, found.before) == (later, False)


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
    assert "this clone is shallow" in declaring.declared(old)


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


# --- what is declared no more -----------------------------------------------------------------------


def test_a_contrast_that_was_left_out_is_named_with_both_commits_everywhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came = commit(root, SAME, at=RESULTS - 2)
    went = commit(root, FIRST, at=RESULTS + 5)
    (one,) = left_out(root)
    assert (one.since.commit, one.commit, one.before, one.otherwise) == (came, went, False, False)
    results = load("tiny", root)
    found = study(results)
    ((sentence, warns),) = declaring.no_more(found.declared)
    assert sentence == (
        "best of no-state less base of no-state (exploratory) is declared no more: declared in "
        f"{came[:10]} (1970-01-01), left out in {went[:10]} (1970-01-01), after its first result: "
        "it may have been left out for that."
    )
    assert warns
    monkeypatch.chdir(root)
    told = " ".join(CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output.split())
    export(found, tmp_path, ("latex", "csv"))
    (row,) = json.loads(metrics(found))["contrasts_left_out"]
    assert sentence in html.unescape(page(found)) and sentence in told
    assert went[:10] in (tmp_path / "contrasts.tex").read_text(encoding="utf-8")
    with (tmp_path / "left-out.csv").open(encoding="utf-8") as file:
        (cells,) = csv.DictReader(file)
    assert (cells["declared_in"], cells["left_out_in"]) == (came, went)
    assert (row["left_out"]["commit"], row["left_out"]["before_results"]) == (went, False)
    # Holm's family is that of the spec: numbers do not depend on what git knows.
    assert [one.family for one in found.contrasts] == [1]


def test_how_many_there_were_is_said_where_results_were_in_view(root: Path) -> None:
    other = "{arm: with-state, against: base, primary: true}, "
    commit(root, FIRST.replace("[", f"[{other}"), at=RESULTS - 2)
    commit(root, FIRST, at=RESULTS + 5)
    *_, (counted, warns) = declaring.no_more(declarations(load("tiny", root)))
    assert warns and counted == (
        "The p values of primary contrasts are corrected for the 1 declared now; with those left "
        "out with results in view there are 2."
    )


def test_what_was_left_out_before_its_results_was_not_chosen_by_them(root: Path) -> None:
    commit(root, SAME, at=10)
    commit(root, FIRST, at=20)
    told = declarations(load("tiny", root))
    ((sentence, warns),) = declaring.no_more(told)
    assert sentence.endswith(", before its first result.") and not warns


def test_what_is_not_known_of_it_is_said(root: Path) -> None:
    came = commit(root, FIRST, at=10)
    (one,) = left_out(root, contrasts=[])
    assert (one.since.commit, one.commit, one.before) == (came, None, False), "it is not committed"
    went = commit(root, "name: tiny\nanalysis: {contrasts: []}\n", at=RESULTS + 5)
    (one,) = left_out(root)
    assert (one.commit, one.before) == (went, False)
    commit(root, "analysis: {contrasts: [{arm: gone, against: no-state}]}\n", at=RESULTS + 6)
    commit(root, "name: tiny\n", at=RESULTS + 7)
    _, one = left_out(root)
    assert (one.question.arm, one.before) == ("gone", None), "an arm without results here"
    sentences = [sentence for sentence, _ in declaring.no_more(declarations(load("tiny", root)))]
    assert sentences[1].endswith("; whether it had results then is not known.")


def test_one_that_became_primary_is_still_compared(root: Path) -> None:
    commit(root, FIRST.replace(", primary: true", ""), at=10)
    commit(root, FIRST, at=RESULTS + 1)
    ((sentence, _),) = declaring.no_more(declarations(load("tiny", root)))
    assert "(exploratory) is declared no more" in sentence
    assert sentence.endswith("The two are still compared, but as another contrast.")


def test_a_shallow_clone_says_that_it_does_not_know_of_earlier_ones(
    root: Path, tmp_path: Path
) -> None:
    commit(root, SAME, at=10)
    middle = commit(root, FIRST, at=20)
    commit(root, FIRST + "seeds: {run: 1}\n", at=30)
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{root}", "clone")
    clone = Store(tmp_path / "other").write().root
    (tmp_path / "clone" / ".git").rename(clone / ".git")
    told = declarations(load("tiny", clone))
    assert told.dropped == ()
    ((sentence, warns),) = declaring.no_more(told)
    assert warns and f"this clone is shallow, and ends with {middle[:10]}" in sentence
    assert json.loads(metrics(study(load("tiny", clone))))["history_ends"] == middle


def test_what_a_bundle_brought_of_contrasts_that_were_left_out(root: Path) -> None:
    row = DeclaredContrast(
        question=Question(arm="no-state", against="no-state", other="base"),
        commit="ab" * 20,
        when=RESULTS - 5,
        dropped="cd" * 20,
        until=RESULTS + 5,
    )
    (root / "experiments" / "origins").mkdir()
    origins = Origins(contrasts=(row,), ends="ef" * 20)
    write_json(root / "experiments" / "origins" / "tiny.json", origins)
    (one,) = left_out(root)
    assert (one.since.commit, one.commit, one.before) == ("ab" * 20, "cd" * 20, False)
    assert declarations(load("tiny", root)).ends == "ef" * 20
    # What was declared there still, and is not here, was left out here.
    rows = (msgspec.structs.replace(row, dropped=None, until=None),)
    write_json(root / "experiments" / "origins" / "tiny.json", Origins(contrasts=rows))
    (one,) = left_out(root)
    assert (one.since.commit, one.commit) == ("ab" * 20, None)


def test_a_report_elsewhere_says_the_same_without_the_history(root: Path, tmp_path: Path) -> None:
    commit(root, SAME, at=RESULTS - 2)
    commit(root, BASE, at=RESULTS + 5)
    commit(root, FIRST, at=RESULTS + 6)
    told = declarations(load("tiny", root))
    other = Store(tmp_path / "other").write().root
    (other / "experiments" / "origins").mkdir()
    brought = Origins(contrasts=rows_of(told), ends=told.ends)
    write_json(other / "experiments" / "origins" / "tiny.json", brought)
    assert len(told.dropped) == 2 and declarations(load("tiny", other)) == told
