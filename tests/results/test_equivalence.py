"""Claims that two students differ by less than some bounds: their test, and their correction, wherever they are shown."""

from __future__ import annotations

import csv
import html
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataenvgym_spec.execute.entry import _say_results
from dataenvgym_spec.records.files import write_json
from dataenvgym_spec.report import correcting, words
from dataenvgym_spec.report.exports import csv_files, tables
from dataenvgym_spec.report.formats import latex
from dataenvgym_spec.report.metrics import metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.evidence.contrasts import Comparison, comparisons
from dataenvgym_spec.results.evidence.correction import holm
from dataenvgym_spec.results.evidence.equivalence import Equivalence
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.study import study
from dataenvgym_spec.track.project import project
from tests.support.reported import Store

PAIR = {"arm": "with-state", "against": "no-state", "split": "test", "primary": False}


def nearly_equal(item: int, arm: str, seed: int, iteration: int) -> bool:
    """Both arms have about a half right, and differ by an item."""
    return (item * 7 + 11 * seed) % 60 < 30 + (arm == "with-state" and iteration > 0)


@pytest.fixture(scope="module", params=[(0,), (0, 1, 2)], ids=("one run", "three runs"))
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bounds") / "repo"
    return Store(place, seeds=request.param, right=nearly_equal).write().root


def bounded(root: Path, *bounds: float | None) -> Results:
    """The experiment with a contrast of all that can be asked for each bound, or without one."""
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    students = ("best", "last", 1, 2)
    contrasts = []
    for student, bound in zip(students, bounds, strict=False):
        split = "selection" if isinstance(student, int) else "test"
        contrasts.append({**PAIR, "student": student, "split": split, "equivalence": bound})
    write_json(path, {**index, "contrasts": contrasts})
    return load("tiny", root)


def claims(results: Results) -> list[Equivalence]:
    return [one.equivalence for one in comparisons(results) if one.equivalence is not None]


def test_p_is_below_five_percent_just_where_the_interval_lies_within(root: Path) -> None:
    (answer,) = comparisons(bounded(root, 12))
    assert answer.equivalence is not None
    edge = 100 * max(-answer.equivalence.low, answer.equivalence.high)
    (narrow,) = claims(bounded(root, edge - 0.01))
    (wide,) = claims(bounded(root, edge + 0.01))
    assert narrow.p > 0.05 > wide.p and narrow.p == pytest.approx(wide.p, abs=0.005)
    assert (narrow.inside, wide.inside) == (False, True) == (narrow.shown, wide.shown)
    (wider,) = claims(bounded(root, edge + 5))
    assert wider.p < wide.p
    # The bounds themselves leave the difference out.
    outside = 100 * abs(answer.difference.value) / 2
    assert claims(bounded(root, outside))[0].p == 1


def close(root: Path) -> Results:
    """Two claims that each hold by themselves, of which only the first holds for both."""
    (first, second) = claims(bounded(root, 50, 50))
    edges = [100 * max(-one.low, one.high) for one in (first, second)]
    return bounded(root, edges[0] + 0.05, edges[1] + 0.05, None)


def test_claims_of_a_family_are_corrected_together(root: Path) -> None:
    results = close(root)
    found = comparisons(results)
    first, second, without = (one.equivalence for one in found)
    assert first is not None and second is not None and without is None
    assert max(first.p, second.p) < 0.05, "each holds by itself"
    assert (first.adjusted, second.adjusted) == holm([first.p, second.p], 2)
    assert (first.family, second.family) == (2, 2), "a contrast without bounds claims nothing"
    assert [one.family for one in found] == [3] * 3
    assert first.inside and not first.shown
    said = words.verdict(found[0])
    assert "Not shown to be equivalent within ±" in said and "lies inside (p = " in said
    assert "of 2 exploratory claims of equivalence, which is not enough at 5%)." in said
    (alone,) = claims(bounded(root, 100 * first.bound))
    assert alone.shown and alone.adjusted == alone.p
    assert "claims of equivalence" not in correcting.equivalent(alone, "exploratory")


def test_an_unanswered_claim_counts(root: Path) -> None:
    results = close(root)
    path = root / "experiments" / "tiny.json"
    index = json.loads(path.read_text(encoding="utf-8"))
    index["contrasts"][2] |= {"split": "test", "student": "best", "skill": "none", "equivalence": 2}
    write_json(path, index)
    first, second = claims(load("tiny", root))
    assert (first.adjusted, second.adjusted) == holm([first.p, second.p], 3)
    assert first.family == 3 and claims(results)


def test_every_place_has_the_corrected_claim(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = study(close(root))
    answer = found.contrasts[0]
    claim = answer.equivalence
    assert claim is not None and not claim.shown
    sentence = correcting.equivalent(claim, "exploratory")
    drawn: dict[str, Any] = {"skills": (), "allocation": (), "yields": (), "taught_skills": ()}
    assert sentence in html.unescape(page(replace(found, **drawn)))
    _say_results(found)
    assert sentence in capsys.readouterr().out
    row = json.loads(metrics(found))["contrasts"][answer.question.title]["equivalence"]
    assert (row["shown"], row["family"]) == (False, 2)
    assert row["p_holm"] == pytest.approx(claim.adjusted, abs=1e-6)
    told, _, without = csv.DictReader(io.StringIO(csv_files(found)["contrasts.csv"]))
    assert float(told["equivalence"]) == pytest.approx(claim.bound)
    assert (float(told["p_equivalence_holm"]), told["equivalent"]) == (claim.adjusted, "False")
    assert without["equivalence"] == without["equivalent"] == "", "nobody asks"
    table = tables(found)["contrasts"]
    cells = dict(zip(table.head, table.lines[0].cells, strict=True))
    assert cells["equivalence"] == correcting.within(claim)
    assert cells["#p (bounds, Holm)"] == f"{claim.adjusted:.3f}"
    assert "not shown to be equivalent within ±" in latex(table)


def test_a_table_without_claims_has_no_column_of_them(root: Path) -> None:
    table = tables(study(bounded(root, None)))["contrasts"]
    assert not [name for name in table.head if "equivalence" in name or "bounds" in name]


def test_tracking_waits_for_the_whole_family(root: Path) -> None:
    name = "test/best minus best of no-state"
    keys = tracked(close(root))
    assert keys[f"{name}_equivalent"] == 0
    assert keys[f"{name}_equivalence_p"] < 0.05 <= keys[f"{name}_equivalence_p_holm"]
    log = next((root / "store").glob("evaluate-s-no-state-*-1")) / "log" / "run.json"
    content = log.read_text(encoding="utf-8")
    log.unlink()
    try:
        keys = tracked(load("tiny", root))
    finally:
        log.write_text(content, encoding="utf-8")
    assert f"{name}_equivalence_p" in keys
    assert not {f"{name}_equivalent", f"{name}_equivalence_p_holm", f"{name}_p_holm"} & keys.keys()


def tracked(results: Results) -> dict[str, float]:
    (summary,) = (run for run in project(results).runs if run.id == "tiny/with-state/summary")
    return {metric.key: metric.value for metric in summary.metrics}


def test_a_small_p_is_no_zero_in_a_paper(root: Path) -> None:
    found = study(bounded(root, 12, None))
    first, *others = found.contrasts
    assert first.equivalence is not None
    tiny = replace(first.weighed, p=1e-7)
    claim = replace(first.equivalence, p=1e-9, adjusted=2e-9)
    certain: Comparison = replace(first, weighed=tiny, adjusted=2e-7, equivalence=claim)
    table = tables(replace(found, contrasts=(certain, *others)))["contrasts"]
    cells = dict(zip(table.head, table.lines[0].cells, strict=True))
    tests = ("#p", "#p (Holm)", "#p (bounds)", "#p (bounds, Holm)")
    assert {cells[name] for name in tests} == {"< 0.001"}
    assert r"\textless{} 0.001" in latex(table) and "& 0.000 &" not in latex(table)
