"""Scores side by side: what is paired, what is refused, and every key in which two sides differ."""

from __future__ import annotations

import csv
import html
import io
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli import compared as shown
from dataenvgym_spec.cli.compare import command
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report import words
from dataenvgym_spec.results.evidence.contrasts import comparisons
from dataenvgym_spec.results.evidence.correction import holm
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.noise import UNKNOWN, noise_floor
from tests.support.copied import MOVED, Copied
from tests.support.reported import Store
from tests.support.repositories import call, expect_refusal
from tests.support.tracked import Store as Learned

LAST = "tiny:no-state"


def compared(repo: Path, *names: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(
        call("dataenvgym", "compare", *names, "--json", cwd=repo).stdout
    )
    return told


def copied(repo: Path, name: str) -> Path:
    """The index of the experiment, again under another name and with stages of its own."""
    path = repo / "experiments" / f"{name}.json"
    index = json.loads((repo / "experiments" / "tiny.json").read_text())
    index["name"] = name
    for row in index["stages"]:
        row["key"] += name
        shutil.copytree(
            repo / "store" / row["directory"], repo / "store" / f"{row['directory']}{name}"
        )
        row["directory"] += name
    write_json(path, index)
    return path


def edited(path: Path, change: Any) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in change(rows)))


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    Store(tmp_path, seeds=(0, 1)).write()
    return tmp_path


def test_arms_of_one_experiment_have_the_difference_of_its_report(repo: Path) -> None:
    told = compared(repo, LAST, "tiny:with-state")
    (one,) = told["contrasts"]
    (declared,) = comparisons(load("tiny", repo))
    told = declared.difference
    assert one["difference"] == {"value": told.value, "low": told.low, "high": told.high, "covers": told.covers}  # fmt: skip
    assert one["p"] == declared.weighed.p
    assert one["difference"]["value"] > 0
    assert [run["seed"] for run in one["runs"]] == [0, 1]
    assert one["of_arms"] and one["refused"] is None
    (different,) = one["differences"]
    assert (different["topic"], different["key"]) == ("setting", "agent.observe")
    assert (different["first"], different["second"]) == (["nothing"], ["scores"])


def test_alone_an_experiment_compares_its_arms_with_the_first(repo: Path) -> None:
    (one,) = compared(repo, "tiny")["contrasts"]
    assert (one["first"], one["second"]) == ("tiny:with-state", LAST)


def test_a_student_is_not_compared_with_itself(repo: Path) -> None:
    copied(repo, "other")
    told = compared(repo, "tiny", "tiny", "other")["contrasts"]
    assert [one["p"] is None for one in told] == [True, True, False, False]
    assert {one["refused"] for one in told[:2]} == {
        "best of both is one student, with the same answers"
    }
    assert {one["family"] for one in told[2:]} == {2}
    # Arms share the untaught student.
    (one,) = compared(repo, "tiny", "--student", "base")["contrasts"]
    assert one["refused"].startswith("base of both is one student")


def test_arms_are_compared_with_those_of_their_name(repo: Path) -> None:
    copied(repo, "other")
    told = compared(repo, "tiny", "other")
    pairs = [(one["first"], one["second"]) for one in told["contrasts"]]
    assert pairs == [("tiny:with-state", "other:with-state"), (LAST, "other:no-state")]
    assert [one["differences"] for one in told["contrasts"]] == [[], []]
    assert told["contrasts"][0]["difference"]["value"] == 0


def test_points_of_a_sweep_come_by_its_name(repo: Path) -> None:
    for name in ("wide-1", "wide-2"):
        path = copied(repo, name)
        write_json(path, {**json.loads(path.read_text()), "sweep": "wide"})
    told = compared(repo, LAST, "wide")
    assert [side["experiment"] for side in told["sides"]] == [
        "tiny",
        *["wide-1"] * 2,
        *["wide-2"] * 2,
    ]
    assert {one["first"] for one in told["contrasts"]} == {LAST}


def test_of_many_contrasts_each_is_a_line(repo: Path) -> None:
    for name in ("wide-1", "wide-2", "wide-3"):
        path = copied(repo, name)
        index = json.loads(path.read_text())
        index["settings"]["no-state"]["rate"] = name
        write_json(path, {**index, "sweep": "wide"})
    said = call("dataenvgym", "compare", "tiny", "wide", cwd=repo).stdout
    rows = [line.split() for line in said.splitlines() if line.startswith("wide-2:no-state")]
    assert rows[-1][-2:] == ["yes", "rate"] and "tiny:no-state" in rows[-1]
    assert said.count("stages are in both") == 0 and "More of two of them" in said
    told = call("dataenvgym", "compare", "tiny", "wide", "--format", "markdown", cwd=repo).stdout
    assert "| side | less | points |" in told


@pytest.mark.parametrize(
    ("fact", "value", "topic"), [("device", "cuda", "machine"), ("versions", {"torch": "2.12.0"}, "version")]
)  # fmt: skip
def test_across_versions_or_machines_it_is_no_difference_of_arms(
    repo: Path, fact: str, value: Any, topic: str
) -> None:
    path = repo / "store" / "train-t-no-state-1-2" / "log" / "run.json"
    write_json(path, {**json.loads(path.read_text()), fact: value})
    (one,) = compared(repo, "tiny")["contrasts"]
    assert not one["of_arms"]
    assert [found["topic"] for found in one["differences"]] == ["setting", topic]
    said = call("dataenvgym", "compare", "tiny", cwd=repo).stdout
    if topic == "version":
        assert "Not comparable as arms: torch 2.12.0 / 2.13.0 against 2.13.0." in said
    assert "point to a difference" not in said and "tell the two apart" not in said


def test_a_stage_that_both_have_makes_no_difference_wherever_it_ran(repo: Path) -> None:
    path = repo / "store" / "evaluate-base-t" / "log" / "run.json"
    write_json(path, {**json.loads(path.read_text()), "versions": {"torch": "1.0"}})
    assert compared(repo, "tiny")["contrasts"][0]["of_arms"]


def test_other_items_are_not_paired_and_are_counted(repo: Path) -> None:
    copied(repo, "other")
    for arm in ("with-state", "no-state"):
        for seed in (0, 1):
            path = (
                repo / "store" / f"evaluate-z-{arm}-{seed}other" / "out" / "test" / "results.jsonl"
            )
            edited(
                path,
                lambda rows: [
                    {**row, "id": f"new{row['id']}"} if row["id"] < "0003" else row for row in rows
                ],
            )
    (one,) = compared(repo, LAST, "other:no-state")["contrasts"]
    assert one["difference"] is None and not one["of_arms"]
    assert one["refused"] == "the items differ: 57 in both, 3 and 3 in one alone"
    said = call("dataenvgym", "compare", LAST, "other:no-state", cwd=repo).stdout
    assert "not paired, the items differ" in said


def test_an_equal_id_with_another_question_is_another_item(repo: Path) -> None:
    copied(repo, "other")
    path = repo / "store" / "evaluate-z-no-state-0other" / "out" / "test" / "results.jsonl"
    edited(
        path, lambda rows: [{**row, "target": "7"} if row["id"] == "0000" else row for row in rows]
    )
    (one,) = compared(repo, LAST, "other:no-state")["contrasts"]
    assert "59 in both, 1 and 1" in one["refused"]


def test_runs_are_paired_by_seed_alone(repo: Path) -> None:
    path = copied(repo, "other")
    index = json.loads(path.read_text())
    uses = [use for row in index["stages"] for use in row["uses"]]
    for use in uses:
        use["seed"] += 1
    write_json(path, {**index, "seeds": [1, 2]})
    (one,) = compared(repo, LAST, "other:no-state")["contrasts"]
    assert [run["seed"] for run in one["runs"]] == [1]
    for use in uses:
        use["seed"] += 6
    write_json(path, {**index, "seeds": [7, 8]})
    (one,) = compared(repo, LAST, "other:no-state")["contrasts"]
    assert one["refused"] == "no run seed is in both: 0, 1 and 7, 8"


def test_components_and_files_that_stages_read_are_told_apart(repo: Path) -> None:
    copied(repo, "other")
    for suffix, version in (("", 1), ("other", 2)):
        policy = {"kind": "allocate", "semantics": version}
        content = {
            "kind": "plan",
            "semantics": 1,
            "params": {"policy": policy},
            "files": {f"sha256:{suffix}": "items.csv"},
        }
        write_json(repo / "store" / f"plan-p-no-state-0-1{suffix}" / "stage.json", content)
    (one,) = compared(repo, LAST, "other:no-state")["contrasts"]
    assert [(found["topic"], found["key"]) for found in one["differences"]] == [
        ("file", "items.csv"), ("component", "plan.policy: allocate"),
    ]  # fmt: skip
    assert one["differences"][1]["first"] == ["1"]
    # What another version of the same policy would have done is no question of arms.
    assert not one["of_arms"]
    assert one["not_of_arms"] == ["plan.policy: allocate version 2 against 1"]


def test_two_policies_are_what_arms_are_about(repo: Path) -> None:
    """Each has a version, which says nothing beside that of another policy."""
    for arm, kind, version in (("no-state", "even", 1), ("with-state", "allocate", 3)):
        content = {
            "kind": "plan",
            "semantics": 1,
            "params": {"policy": {"kind": kind, "semantics": version}},
        }
        write_json(repo / "store" / f"plan-p-{arm}-0-1" / "stage.json", content)
    (one,) = compared(repo, "tiny")["contrasts"]
    assert one["of_arms"] and not one["not_of_arms"]
    assert [found["topic"] for found in one["differences"]] == ["setting"]


def swept(repo: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> str:
    """What is said of a sweep whose points differ in how many answers were right."""
    for number in (1, 2, 3):
        name = f"wide-{number}"
        path = copied(repo, name)
        write_json(path, {**json.loads(path.read_text()), "sweep": "wide"})
        for arm in ("with-state", "no-state"):
            for seed in (0, 1):
                place = repo / "store" / f"evaluate-z-{arm}-{seed}{name}"
                edited(place / "out" / "test" / "results.jsonl", partial(worse, 4 * number + seed))
    monkeypatch.chdir(repo)
    asked = CliRunner().invoke(command, ["tiny", "wide", *more], catch_exceptions=False)
    return str(asked.output)


def worse(number: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same answers, with some that were right wrong now."""
    lost = {row["id"] for row in [row for row in rows if row["correct"]][:number]}
    return [{**row, "correct": row["correct"] and row["id"] not in lost} for row in rows]


def test_p_values_of_all_that_is_shown_are_corrected_together(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads(swept(repo, monkeypatch, "--json"))["contrasts"]
    assert len(told) == 6 and {one["family"] for one in told} == {6}
    raw = [one["p"] for one in told]
    assert [one["p_holm"] for one in told] == list(holm(raw, 6)) and min(raw) < 0.05
    taken = [one for one in told if one["p"] < 0.05 <= one["p_holm"]]
    assert taken, "what would be claimed of one by itself, and not of six"
    # Of one alone there is nothing to correct.
    (alone,) = compared(repo, LAST, "wide-3:no-state")["contrasts"]
    assert (alone["p_holm"], alone["family"]) == (alone["p"], 1)


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("few", [True, False])
def test_the_correction_is_said(
    form: str, few: bool, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "MOST_DETAILED", 9 if few else 4)
    said = html.unescape(" ".join(swept(repo, monkeypatch, "--format", form).split()))
    said = said.replace("\\", "")
    assert said.count("There are 6 comparisons: their p values are corrected (Holm);") == 1
    if few:
        assert said.count(" of 6 comparisons), over runs and items.") == 6
        assert "Corrected for 6 comparisons, zero is not left out at 5%." in said
    one = CliRunner().invoke(command, [LAST, "wide-3:no-state"], catch_exceptions=False).output
    assert "Holm" not in one and "orrected" not in one


def test_what_all_are_compared_with_is_said_once(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = swept(repo, monkeypatch, "--format", "markdown")
    assert "| side | less | points |" in said and "Each is less" not in said
    alone = CliRunner().invoke(command, [LAST, "wide", "--format", "markdown"]).output
    assert "| side | points |" in alone
    assert "Each is less tiny:no-state." in html.unescape(alone).replace("\\", "")


def test_what_was_refused_is_no_part_of_the_correction(repo: Path) -> None:
    path = copied(repo, "other")
    index = json.loads(path.read_text())
    for row in index["stages"]:
        for use in row["uses"]:
            use["seed"] += 7
    write_json(path, {**index, "seeds": [7, 8]})
    told = compared(repo, "tiny:no-state", "tiny:with-state", "other:no-state")["contrasts"]
    assert [(one["family"], one["p_holm"]) for one in told] == [(1, told[0]["p"]), (1, None)]


@pytest.mark.parametrize("many", [False, True])
def test_that_the_best_was_chosen_by_these_items_is_said(
    many: bool, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "MOST_DETAILED", 0 if many else 4)
    monkeypatch.chdir(repo)

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(command, arguments, catch_exceptions=False)
        return " ".join(result.output.split())

    for form in ("text", "csv", "json"):
        told = said("tiny", "--split", "selection", "--format", form)
        assert told.count(words.CHOSEN_HERE) == 1, form
    # Not compared, the best student still has a score in the table.
    assert said("tiny", "--split", "selection", "--student", "last").count(words.CHOSEN_HERE) == 1
    assert words.CHOSEN_HERE not in said("tiny")
    path = repo / "experiments" / "tiny.json"
    index = json.loads(path.read_text())
    for settings in index["settings"].values():
        settings["select"] = {"by": "last"}
    write_json(path, index)
    for student in ("best", "last"):
        assert words.CHOSEN_HERE not in said("tiny", "--split", "selection", "--student", student)


@pytest.mark.parametrize("many", [False, True])
def test_unequal_amounts_are_said_with_whose_they_are(
    many: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both arms have the same name here: only what they are of tells them apart."""
    for name, fewer in (("tiny", 0), ("other", 2)):
        Learned(tmp_path, name=name, rate=1 + fewer, fewer=fewer)
    monkeypatch.setattr(shown, "MOST_DETAILED", 0 if many else 4)
    monkeypatch.chdir(tmp_path)

    def said(*sides: str) -> str:
        result = CliRunner().invoke(command, sides, catch_exceptions=False)
        return " ".join(result.output.split())

    told = said("tiny:no-state", "other:no-state")
    if many:
        assert (
            "Taught unequal amounts, against what they are compared with: other:no-state." in told
        )
    else:
        assert "best of other:no-state was taught 3 of 10 examples asked for, best of tiny:no-state was taught 5 of 10" in told  # fmt: skip
    assert "nequal" not in said("tiny:with-state", "other:with-state")
    (one,) = compared(tmp_path, "tiny:no-state", "other:no-state")["contrasts"]
    assert one["mind"][0].startswith("The amounts are unequal: ")


def test_csv_has_a_line_for_each_student_and_no_formula(repo: Path) -> None:
    said = call("dataenvgym", "compare", "tiny", "--format", "csv", cwd=repo).stdout
    rows = list(csv.DictReader(io.StringIO(said)))
    (best,) = (row for row in rows if (row["side"], row["student"]) == (LAST, "best"))
    assert best["against"] == "tiny:with-state" and best["of_arms"] == "yes"
    assert float(best["difference"]) < 0  # a number stays one, with its sign
    assert not any(cell.startswith(("=", "@")) for row in rows for cell in row.values())


def test_markdown_is_a_table_in_which_foreign_text_is_only_text(repo: Path) -> None:
    path = repo / "experiments" / "tiny.json"
    index = json.loads(path.read_text())
    index["settings"]["no-state"]["student"]["prompt"] = "<img src=x> | [a](http://evil.example)"
    write_json(path, index)
    said = call("dataenvgym", "compare", "tiny", "--format", "markdown", cwd=repo).stdout
    (row,) = (line for line in said.splitlines() if "student.prompt" in line)
    assert r"&lt;img src=x&gt; \| \[a\]\(http&#58;//evil.example\)" in row
    assert said.startswith("| side | student |")


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_two_prompts_that_differ_at_their_end_are_shown_apart(repo: Path, form: str) -> None:
    path = repo / "experiments" / "tiny.json"
    index = json.loads(path.read_text())
    for arm, end in (("with-state", "briefly"), ("no-state", "at length")):
        index["settings"][arm]["student"]["prompt"] = f"{'Think, and answer. ' * 9}Answer {end}."
    write_json(path, index)
    said = call("dataenvgym", "compare", "tiny", "--format", form, cwd=repo, COLUMNS="200").stdout
    (row,) = (line for line in said.splitlines() if "student.prompt" in line)
    assert "Answer briefly." in row and "Answer at length." in row


def test_selection_and_the_last_student_can_be_asked_for(repo: Path) -> None:
    command = ("compare", "tiny", "--split", "selection", "--student", "last", "--json")
    told = json.loads(call("dataenvgym", *command, cwd=repo).stdout)
    assert {side["students"][0]["items"] for side in told["sides"]} == {30}
    assert told["contrasts"][0]["student"] == "last"


@pytest.mark.parametrize(
    ("names", "message", "help"),
    [
        (("tiny:no-stat",), "has no arm 'no-stat'", "did you mean 'no-state'?"),
        (("tin",), "no compiled experiment 'tin'", "did you mean 'tiny'?"),
    ],
)
def test_a_name_that_is_none_gets_a_suggestion(
    repo: Path, names: tuple[str, ...], message: str, help: str
) -> None:
    expect_refusal(call("dataenvgym", "compare", *names, cwd=repo, ok=False), message, help)


def test_a_revision_is_read_from_git_and_the_cache_alone(copy_of_finished: Path) -> None:
    repo = copy_of_finished
    call("git", "add", "-A", cwd=repo)
    call("git", "commit", "-qm", "finished", cwd=repo)
    whole = compared(repo, "tiny")
    shutil.rmtree(repo / "store")
    past = compared(repo, "tiny:with-state@HEAD", "tiny:no-state@HEAD")
    assert [side["students"] for side in past["sides"]] == [
        side["students"] for side in whole["sides"]
    ]
    assert past["contrasts"][0]["runs"] == whole["contrasts"][0]["runs"]
    assert not list((repo / ".dataenvgym").glob("compare-*"))
    shutil.rmtree(repo / ".dvc" / "cache")
    said = call("dataenvgym", "compare", "tiny@HEAD", cwd=repo).stdout
    said = " ".join(said.split())
    assert "are not in DVC's cache; pull them: dvc fetch --all-commits" in said
    assert "not paired, tiny:with-state@HEAD has no results" in said


def test_a_revision_that_was_never_run_and_one_that_is_none(repo: Path) -> None:
    call("git", "init", "-q", cwd=repo)
    for settings in (("user.name", "A"), ("user.email", "a@example.com")):
        call("git", "config", *settings, cwd=repo)
    call("git", "add", "-f", "experiments", cwd=repo)
    call("git", "commit", "-qm", "compiled", cwd=repo)
    said = call("dataenvgym", "compare", "tiny@HEAD", cwd=repo).stdout
    assert "tiny:no-state@HEAD had no results on test" in said
    said = call("dataenvgym", "compare", "tiny@nope", cwd=repo, ok=False)
    expect_refusal(said, "git has no revision 'nope'")
    said = call("dataenvgym", "compare", "tin@HEAD", cwd=repo, ok=False)
    expect_refusal(said, "there was no compiled experiment 'tin' at 'HEAD'", "'tiny'")


def test_the_noise_floor_stands_beside_a_difference_and_copies_are_of_no_arm(
    tmp_path: Path,
) -> None:
    Copied(tmp_path, MOVED).write()
    log = tmp_path / "store" / "evaluate-evaluate-retrain-1" / "log" / "run.json"
    write_json(log, {**json.loads(log.read_text()), "versions": {"torch": "1.0"}})
    (one,) = compared(tmp_path, LAST, "tiny:with-state")["contrasts"]
    floor = noise_floor(load("tiny", tmp_path))
    assert floor is not None and one["floor"] == pytest.approx(floor.difference(), abs=1e-6)
    # A copy that ran elsewhere makes no student of the loop another one.
    assert one["of_arms"]
    said = " ".join(call("dataenvgym", "compare", "tiny", cwd=tmp_path).stdout.split())
    assert "Noise floor: " in said and "this one is within it" in said
    csv_text = call("dataenvgym", "compare", "tiny", "--format", "csv", cwd=tmp_path).stdout
    (best,) = (row for row in csv.DictReader(io.StringIO(csv_text)) if (row["side"], row["student"]) == (LAST, "best"))  # fmt: skip
    assert float(best["floor"]) == pytest.approx(one["floor"])


@pytest.mark.parametrize("drawn", ["tiny", "other"])
def test_the_floor_of_greedy_copies_is_none_of_answers_that_another_experiment_draws(
    drawn: str, tmp_path: Path
) -> None:
    """That of drawn ones is, for greedy ones vary by no more: those of the base once for all runs."""
    Copied(tmp_path, {"reevaluate": (1, -1), "retrain": (2, -2)}).write()
    copied(tmp_path, "other")
    for name in ("tiny", "other"):
        path = tmp_path / "experiments" / f"{name}.json"
        index = json.loads(path.read_text())
        temperature = 0.7 if name == drawn else 0
        for settings in index["settings"].values():
            settings["student"] = {"generate": {"temperature": temperature}}
        if name == "other":
            del index["noise"]
        write_json(path, index)
    names = ("tiny:no-state", "other:with-state")
    for sides in (names, names[::-1]):
        (one,) = compared(tmp_path, *sides)["contrasts"]
        assert (one["floor"] == UNKNOWN) is (drawn == "other")
        assert drawn == "other" or one["floor"] > 0


def test_evaluations_alone_are_no_floor_of_two_taught_students(tmp_path: Path) -> None:
    Copied(tmp_path, {"reevaluate": (0, 0)}).write()
    said = call("dataenvgym", "compare", "tiny", "--format", "csv", cwd=tmp_path).stdout
    floors = {row["floor"] for row in csv.DictReader(io.StringIO(said)) if row["student"] == "best"}
    assert UNKNOWN in floors and floors <= {UNKNOWN, ""}
