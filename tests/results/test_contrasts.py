"""What declared contrasts come to: which students they compare, on which items, and where they cannot be answered."""

from __future__ import annotations

import csv
import html
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from click.testing import CliRunner

from dataenvgym_spec.cli.report import command
from dataenvgym_spec.execute.entry import _say_results
from dataenvgym_spec.records.experiment import Question
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report import words
from dataenvgym_spec.report.exports import csv_files
from dataenvgym_spec.report.metrics import contrast_record, headline, metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.evidence.answers import Answers, Sides
from dataenvgym_spec.results.evidence.contrasts import Comparison, comparisons, unanswered, weigh
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.study import study
from dataenvgym_spec.results.wording import NOT_SEEN, compared, coverage
from dataenvgym_spec.track.project import project
from dataenvgym_spec.track.runs import RunRecord
from tests.support.reported import SKILLS, Store

PAIR = {"arm": "with-state", "against": "no-state"}
OWN = {"arm": "with-state", "against": "with-state"}
ITEMS = {"test": range(60), "selection": range(30)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished experiment of two runs per arm."""
    return Store(tmp_path_factory.mktemp("contrasts") / "repo", seeds=(0, 1)).write().root


def asking(root: Path, *contrasts: dict[str, Any]) -> Results:
    """The experiment with other contrasts."""
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    full = [{"student": "best", "split": "test", "primary": False, **one} for one in contrasts]
    write_json(path, {**index, "contrasts": full})
    return load("tiny", root)


def right(split: str, arm: str, seed: int, iteration: int, skill: int | None = None) -> float:
    """The accuracy of a student by the rule that its answers were written by."""
    items = [item for item in ITEMS[split] if skill is None or item % 3 == skill]
    if iteration == 0:
        arm, seed = "", 0
    return sum(Store.learns(item, arm, seed, iteration) for item in items) / len(items)


def test_any_two_students_are_compared_by_item_and_run_seed(root: Path) -> None:
    last = {"student": "last"}
    cases = {
        "against its base": ({**OWN, **last, "other": "base"}, ("test", 3, 0, None)),
        "an earlier iteration": (
            {**OWN, "student": 3, "other": 1, "split": "selection"},
            ("selection", 3, 1, None),
        ),
        "one skill": (
            {**OWN, **last, "other": "base", "skill": SKILLS[0]},
            ("test", 3, 0, 0),
        ),
    }
    for said, (split, first, second, skill) in cases.values():
        (answer,) = comparisons(asking(root, said))
        assert [seed for seed, _ in answer.runs] == [0, 1]
        for seed, pair in answer.runs:
            mine = right(split, "with-state", seed, first, skill)
            assert pair.difference.value == pytest.approx(
                mine - right(split, "with-state", seed, second, skill)
            ), said
        assert answer.items == len(ITEMS[split]) // (1 if skill is None else 3)


def test_another_arms_student_may_be_another_one(root: Path) -> None:
    (answer,) = comparisons(asking(root, {**PAIR, "student": "last", "other": "base"}))
    for seed, pair in answer.runs:
        expected = right("test", "with-state", seed, 3) - right("test", "", 0, 0)
        assert pair.difference.value == pytest.approx(expected)
    assert answer.amounts is None, "a student that nobody taught is no unequal amount"


def test_a_slice_holds_the_items_that_say_so(tmp_path: Path) -> None:
    layout = Store(tmp_path / "repo").write()
    for path in layout.store.rglob("results.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        told = [{**row, "slices": {"level": str(n % 4)}} for n, row in enumerate(rows)]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in told), encoding="utf-8")
    said = {**OWN, "student": "last", "other": "base", "slice": [["level", "1"]]}
    (answer,) = comparisons(asking(layout.root, said))
    assert answer.items == 15


def test_what_no_item_is_about_is_said_and_not_left_out(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = asking(root, {**PAIR, "skill": "<b>none", "primary": True}, PAIR)
    (answer,) = comparisons(results)
    (missing,) = unanswered(results)
    assert answer.question.skill is None and missing.question.skill == "<b>none"
    found = study(results)
    said = words.unanswered(missing.question)
    assert "not answered, no item of the sealed test is of it (skill <b>none)" in said
    assert said in html.unescape(page(found)) and "<b>none" not in page(found)
    row = json.loads(metrics(found))["contrasts"]["with-state - no-state, best, skill <b>none"]
    assert row == {"items": 0, "primary": True}
    _say_results(found)
    assert said in capsys.readouterr().out
    monkeypatch.chdir(root)
    told = CliRunner().invoke(command, ["tiny"], catch_exceptions=False).output
    assert said in " ".join(told.split())


def test_the_best_student_on_its_own_selection_items_is_said_to_be_optimistic(root: Path) -> None:
    chosen = {**PAIR, "split": "selection"}
    said = []
    for one in (chosen, {**chosen, "student": "last"}, PAIR):
        (answer,) = comparisons(asking(root, one))
        said.append(words.chosen_here(answer))
    assert "its score here is optimistic" in said[0] and said[1:] == ["", ""]
    assert said[0] in page(study(asking(root, chosen)))


@pytest.mark.parametrize("why", ["the last one is called so", "there is one iteration"])
def test_a_best_student_that_nothing_chose_is_not_said_to_be_optimistic(
    why: str, tmp_path: Path
) -> None:
    root = Store(tmp_path / "repo").write().root
    path = root / "experiments" / "tiny.json"
    whole = json.loads(path.read_text(encoding="utf-8"))
    index = json.loads(path.read_text(encoding="utf-8"))
    if why == "there is one iteration":
        index["iterations"] = dict.fromkeys(index["iterations"], 1)
        index["stages"] = list(_first_turn(index["stages"]))
        for choice in root.glob("store/select-*/out/choice/choice.json"):
            first = json.loads(choice.read_text(encoding="utf-8"))["accuracy"][:1]
            write_json(choice, {"best": 1, "last": 1, "accuracy": first})
    else:
        for settings in index["settings"].values():
            settings["select"] = {"by": "last"}
    write_json(path, index)
    results = asking(root, {**PAIR, "split": "selection"})
    (answer,) = comparisons(results)
    assert words.chosen_here(answer) == ""
    shown = page(study(results))
    assert "optimistic" not in shown and words.chosen(False) in shown
    # One arm that chooses is enough.
    settings = index["settings"] | {"no-state": {"select": {"by": "selection.accuracy"}}}
    write_json(path, {**whole, "settings": settings})
    (answer,) = comparisons(asking(root, {**PAIR, "split": "selection"}))
    assert words.chosen_here(answer)


def _first_turn(stages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Stages as they stand in an index of one iteration."""
    kept: set[str] = set()
    for row in stages:
        uses = [use for use in row["uses"] if (use["iteration"] or 0) < 2]
        if uses:
            kept.add(row["key"])
            inputs = [key for key in row["inputs"] if key in kept]
            yield {**row, "uses": uses, "inputs": inputs}


NAMES = {
    "with-state - no-state, best": "test/best minus best of no-state",
    "with-state - with-state (base), best": "test/best minus base of with-state",
    "with-state - with-state (best), last": "test/last minus best of with-state",
    "with-state - with-state (iteration 1), iteration 3, selection": (
        "selection/iteration 3 minus iteration 1 of with-state"
    ),
    "with-state - no-state, best, skill gcd": "test/skill/gcd/best minus best of no-state",
    "with-state - no-state, best, selection": "selection/best minus best of no-state",
}
"""What contrasts are called in `metrics.json`, and in MLflow."""


def test_every_form_has_a_name_of_its_own_everywhere(root: Path) -> None:
    contrasts = [
        {**PAIR, "primary": True},
        {**OWN, "other": "base"},
        {**OWN, "student": "last", "other": "best"},
        {**OWN, "student": 3, "other": 1, "split": "selection"},
        {**PAIR, "skill": "gcd"},
        {**PAIR, "split": "selection"},
    ]
    results = asking(root, *contrasts)
    found = study(results)
    rows = json.loads(metrics(found))["contrasts"]
    assert set(rows) == set(NAMES)
    sentences = {compared(contrast.question) for contrast in found.contrasts}
    assert len(sentences) == 6
    text = html.unescape(page(found))
    assert all(sentence in text for sentence in sentences)
    (summary,) = (run for run in project(results).runs if run.id == "tiny/with-state/summary")
    keys = {metric.key: metric.value for metric in summary.metrics}
    values = {answer.question.title: answer.difference.value for answer in found.contrasts}
    for title, name in NAMES.items():
        assert keys[name] == pytest.approx(values[title])


def test_one_run_says_items_only_and_never_more(tmp_path: Path) -> None:
    results = load("tiny", Store(tmp_path / "repo").write().root)
    found = study(results)
    (contrast,) = found.contrasts
    assert words.evidence(contrast).endswith("over items: items only; run variance unknown.")
    assert coverage((0,)) == "There is one run per arm: items only; run variance unknown."
    (row,) = json.loads(metrics(found))["contrasts"].values()
    assert (row["run_variance"], row["ci_covers"]) == ("unknown", "items")


def test_several_runs_say_what_varies(root: Path) -> None:
    results = asking(root, PAIR)
    found = study(results)
    (contrast,) = found.contrasts
    crossed = contrast.weighed.crossed
    assert crossed is not None and crossed.runs == 2
    said = words.evidence(contrast)
    assert "Mean over 2 runs on 60 sealed test items (p = " in said
    assert (
        "the interval is over runs and items. Variance between runs beyond what their items" in said
    )
    assert "items only" not in said and said in page(found)
    (row,) = json.loads(metrics(found))["contrasts"].values()
    parts = row["run_variance"]["of_the_mean"]
    assert row["p"] == pytest.approx(crossed.p, abs=1e-6)
    keys = tracked(results, "with-state")
    name = "test/best minus best of no-state"
    assert keys[f"{name}_p"] == crossed.p
    assert (keys[f"{name}_low"], keys[f"{name}_high"]) == crossed.interval(0.05)
    # An estimate that is cut off at 0 is no measured 0, wherever it is shown.
    assert crossed.run_deviation is None and f"{name}_run_deviation" not in keys
    assert row["run_variance"]["deviation"] == NOT_SEEN
    assert parts == {"runs": NOT_SEEN, "items": NOT_SEEN, "both": 1}
    (cells,) = csv.DictReader(io.StringIO(csv_files(found)["contrasts.csv"]))
    assert cells["run_deviation"] == NOT_SEEN
    tags = dict(_summary(results, "with-state").tags)
    assert tags[f"{name} run deviation"] == NOT_SEEN
    assert "was not seen in 2 runs, nor one between items; of the variance of" in said
    assert said.endswith(" 100% are both together.")


def tracked(results: Results, arm: str) -> dict[str, float]:
    """The metrics of the summary of an arm."""
    return {metric.key: metric.value for metric in _summary(results, arm).metrics}


def _summary(results: Results, arm: str) -> RunRecord:
    (summary,) = (run for run in project(results).runs if run.id == f"tiny/{arm}/summary")
    return summary


def test_runs_that_are_copies_count_as_one(root: Path) -> None:
    """Both arms have the same base, which answers the same in every run."""
    (answer,) = comparisons(asking(root, {**PAIR, "student": "base"}))
    assert answer.weighed.crossed is None and answer.weighed.p == 1
    assert "All 2 runs gave the same differences, and count as one." in words.evidence(answer)


def answers(*marks: int, cluster: str = "") -> Sides:
    """Answers whose differences are the marks, item by item."""
    first = {str(item): mark > 0 for item, mark in enumerate(marks)}
    second = {str(item): mark < 0 for item, mark in enumerate(marks)}
    clusters = {item: cluster or item for item in first}
    sides = (Answers(right=right, clusters=clusters) for right in (first, second))
    return Sides(**dict(zip(("first", "second"), sides, strict=True)))


@pytest.mark.parametrize(
    ("runs", "covers", "shared"),
    [
        ([answers(1), answers(-1), answers(-1)], "items and seeds", 1),
        ([answers(1, 0, cluster="x"), answers(-1, -1, cluster="x")], "clusters and seeds", 2),
    ],
    ids=["one item", "one cluster"],
)
def test_runs_that_disagree_on_one_item_or_cluster_have_a_mean_and_claim_nothing(
    runs: list[Sides], covers: str, shared: int
) -> None:
    found = weigh(dict(enumerate(runs)))
    each = [pair.difference.value for _, pair in found.runs]
    estimate = found.difference
    assert estimate.value == pytest.approx(fmean(each)) and estimate.value != each[0]
    assert (estimate.low, estimate.high, estimate.covers, estimate.count) == (
        -1,
        1,
        covers,
        len(runs),
    )
    assert (found.p, found.items, found.crossed) == (1, shared, None)
    assert found.replicates == len(runs)
    contrast = Comparison(question=Question(arm="a", against="b"), weighed=found)
    said = words.evidence(contrast)
    assert said.startswith(f"Mean over {len(runs)} runs on {shared} sealed test items (p = 1")
    assert "The runs share one" in said and "count as one" not in said
    assert contrast_record(contrast)["run_variance"] == "unknown"


def test_runs_that_vary_less_than_their_items_are_not_said_to_vary_by_nothing() -> None:
    found = weigh({0: answers(1, 0, 0), 1: answers(0, 1, 0), 2: answers(0, 0, 1)})
    assert found.crossed is not None and found.crossed.run_deviation is None
    said = words.evidence(Comparison(question=Question(arm="a", against="b"), weighed=found))
    assert "Variance between runs beyond what their items make was not seen in 3 runs" in said
    assert "deviation of 0.0 points" not in said
    found = weigh({0: answers(1, 1, 0), 1: answers(0, 0, 0), 2: answers(-1, -1, 0)})
    contrast = Comparison(question=Question(arm="a", against="b"), weighed=found)
    assert "Between runs it has a standard deviation of " in words.evidence(contrast)
    assert found.crossed is not None and found.crossed.unit_deviation is None
    assert "points beyond what their items make, one between items was not seen; of the" in (
        words.evidence(contrast)
    )
    assert contrast_record(contrast)["run_variance"]["item_deviation"] == NOT_SEEN


def test_runs_that_agree_on_one_item_are_one_run() -> None:
    found = weigh({0: answers(1), 1: answers(1)})
    assert found.replicates == 1 and found.difference == weigh({0: answers(1)}).difference


def test_runs_without_a_common_item_have_a_mean_and_claim_nothing() -> None:
    first, second = (Answers(right={"z": right}, clusters={"z": "z"}) for right in (True, False))
    found = weigh({0: answers(-1), 1: Sides(first=first, second=second)})
    assert (found.difference.value, found.items, found.p) == (0, 0, 1)
    contrast = Comparison(question=Question(arm="a", against="b"), weighed=found)
    assert "The runs share no item" in words.evidence(contrast)


def test_nothing_is_equivalent_by_one_item(tmp_path: Path) -> None:
    def right(item: int, arm: str, seed: int, iteration: int) -> bool:
        return bool(iteration) and (arm == "with-state") is (seed == 0)

    layout = Store(tmp_path / "repo", seeds=(0, 1, 2), right=right).write()
    for path in layout.store.rglob("test/results.jsonl"):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        text = "".join(f"{json.dumps(row)}\n" for row in rows if row["id"] == rows[0]["id"])
        path.write_text(text, encoding="utf-8")
    (answer,) = comparisons(asking(layout.root, {**PAIR, "equivalence": 90}))
    assert answer.difference.value == pytest.approx(-1 / 3) and answer.items == 1
    assert answer.equivalence is not None and not answer.equivalence.shown


def test_primary_and_exploratory_contrasts_are_corrected_each_among_themselves(root: Path) -> None:
    contrasts = [
        {**OWN, "student": "last", "other": "base", "primary": True},
        {**PAIR, "primary": True},
        {**PAIR, "student": "last", "skill": "none", "primary": True},
        {**OWN, "other": "base", "skill": "gcd"},
    ]
    results = asking(root, *contrasts)
    first, second, alone = study(results).contrasts
    smallest, largest = sorted((first, second), key=lambda one: one.weighed.p)
    assert smallest.adjusted == pytest.approx(min(1, 3 * smallest.weighed.p)), "three are declared"
    assert largest.adjusted == pytest.approx(
        max(min(1, 2 * largest.weighed.p), smallest.adjusted or 0)
    )
    assert (alone.adjusted, alone.family) == (alone.weighed.p, 1)
    assert "with Holm's correction p " in words.evidence(first)
    assert "of 3 primary contrasts" in words.evidence(first)
    assert "Holm" not in words.evidence(alone)
    row = json.loads(metrics(study(results)))["contrasts"]["with-state - no-state, best"]
    assert row["family"] == {"primary": True, "contrasts": 3}
    assert row["p_holm"] == pytest.approx(second.adjusted, abs=1e-6)
    keys = tracked(results, "with-state")
    assert keys["test/best minus best of no-state_p_holm"] == second.adjusted
    assert keys["test/skill/gcd/best minus base of with-state_p_holm"] == alone.adjusted


def test_the_end_of_a_run_and_the_headline_say_what_the_page_says_of_each(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contrasts = [
        {**OWN, "student": "last", "other": "base", "primary": True},
        {**PAIR, "primary": True},
        {**OWN, "other": "base", "skill": "gcd"},
    ]
    found = study(asking(root, *contrasts))
    _say_results(found)
    lines = capsys.readouterr().out.splitlines()
    for one in found.contrasts:
        (place,) = (n for n, line in enumerate(lines) if f"{compared(one.question)}: " in line)
        assert lines[place + 1] == f"    {words.p_values(one)}. {words.verdict(one)}"
        assert f"({words.p_values(one)});" in words.evidence(one), "as on the page"
    first, second, _ = found.contrasts
    assert "with Holm's correction p " in words.p_values(first)
    short = json.loads(headline(found))
    assert "difference" not in short
    rows = short["differences"]
    assert set(rows) == {first.question.title, second.question.title}, "the primary ones"
    for one in (first, second):
        row = rows[one.question.title]
        assert row["p_holm"] == pytest.approx(one.adjusted, abs=1e-4)
        assert row["zero"] == words.zero(one)
    alone = json.loads(headline(study(asking(root, contrasts[0], PAIR))))
    assert alone["difference"]["p_holm"] == pytest.approx(first.weighed.p, abs=1e-4)


def test_tracking_waits_for_the_whole_family(tmp_path: Path) -> None:
    """Before, a corrected value would change with each contrast that comes."""
    root = Store(tmp_path / "repo", seeds=(0, 1)).write().root
    results = asking(root, {**OWN, "other": "base"}, PAIR)
    (root / "store" / "evaluate-z-no-state-1" / "log" / "run.json").unlink()
    name = "test/best minus base of with-state"
    keys = tracked(results, "with-state")
    assert f"{name}_p" in keys and f"{name}_p_holm" not in keys
    assert "test/best minus best of no-state" not in keys, "one seed is not there yet"


def test_what_only_the_correction_takes_back_is_said(root: Path) -> None:
    found = study(asking(root, PAIR, {**PAIR, "student": "last"})).contrasts[0]
    told = replace(found.weighed, p=0.03)
    said = words.verdict(replace(found, weighed=told, adjusted=0.06))
    assert said.endswith("Corrected for 2 exploratory contrasts, zero is not left out at 5%.")
    assert "Corrected" not in words.verdict(replace(found, weighed=told, adjusted=0.04))


@pytest.mark.parametrize(
    ("low", "p", "adjusted", "said"),
    [
        (-0.01, 0.2, 0.4, "included"),
        (0.01, 0.03, 0.04, "left out"),
        (0.01, 0.03, 0.06, "left out, not once corrected"),
    ],
)
def test_a_column_says_the_same_of_zero_in_a_word(
    root: Path, low: float, p: float, adjusted: float, said: str
) -> None:
    found = study(asking(root, PAIR, {**PAIR, "student": "last"})).contrasts[0]
    estimate = replace(found.difference, value=0.05, low=low, high=0.2)
    told = replace(found.weighed, difference=estimate, p=p)
    one = replace(found, weighed=told, adjusted=adjusted)
    assert words.zero(one) == said
    assert ("includes zero" in words.verdict(one)) is (said == "included")
    assert ("Corrected for" in words.verdict(one)) is said.endswith("corrected")


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_equivalence_is_two_tests_at_five_percent(tmp_path: Path, seeds: tuple[int, ...]) -> None:
    def right(item: int, arm: str, seed: int, iteration: int) -> bool:
        return (item * 7 + 11 * seed) % 60 < 30 + (arm == "with-state" and iteration > 0)

    root = Store(tmp_path / "repo", seeds=seeds, right=right).write().root
    wide, narrow = comparisons(
        asking(root, {**PAIR, "equivalence": 12}, {**PAIR, "student": "last", "equivalence": 2})
    )
    assert wide.equivalence is not None and narrow.equivalence is not None
    assert (wide.equivalence.shown, narrow.equivalence.shown) == (True, False)
    for one in (wide.equivalence, narrow.equivalence):
        # The interval at 90% lies in that at 95%.
        assert wide.difference.low < one.low < wide.difference.value < one.high
        assert one.high < wide.difference.high
    assert "Equivalent within ±12 points: the 90% interval, " in words.verdict(wide)
    assert "Not shown to be equivalent within ±2 points" in words.verdict(narrow)
    results = load("tiny", root)
    rows = json.loads(metrics(study(results)))["contrasts"]
    assert rows["with-state - no-state, best"]["equivalence"]["shown"] is True
    keys = tracked(results, "with-state")
    assert keys["test/best minus best of no-state_equivalent"] == 1
    assert keys["test/last minus last of no-state_equivalent"] == 0
