"""The study, its null and the quickstart as they are shipped: what README and docs say came out is what the answers say, and the keys are those of today."""

from __future__ import annotations

import re
from functools import cache

import pytest

from dataenvgym_spec.compile.compiler import front_end, lower
from dataenvgym_spec.graph.ir import Graph
from dataenvgym_spec.report.text import points
from dataenvgym_spec.results.evidence.statistics import Estimate
from tests.support.repositories import ROOT
from tests.support.shipped import Shipped, digest_of, share

SPECS = {
    "study": "specs/library/study.yaml",
    "null-study": "specs/library/null.yaml",
    "quickstart": "specs/quickstart.yaml",
}
STUDIES = ("study", "null-study")
PAGE = " ".join((ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").split())
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
LEVEL = 0.05


@cache
def shipped(name: str) -> Shipped:
    return Shipped.read(name)


@cache
def compiled(name: str) -> Graph:
    return lower(front_end([ROOT / SPECS[name]], root=ROOT)).graph


def said(difference: Estimate) -> str:
    """A difference as the page writes it."""
    low, high = (points(end).removeprefix("+") for end in (difference.low, difference.high))
    return f"{points(difference.value)} ({low} to {high})"


@pytest.mark.parametrize("name", SPECS)
def test_the_answers_are_of_the_stages_that_the_specs_mean(name: str) -> None:
    """If it fails, results mean something else now: the slow tests of studies and README with UPDATE_SNAPSHOTS=1, and the pages."""
    keys = [stage.id for stage in compiled(name).stages]
    assert digest_of(keys) == shipped(name).keys


def test_the_study_finds_what_is_there() -> None:
    study = shipped("study")
    answers = list(study.corrected(compiled("study").entries[0].index.contrasts))
    (primary,) = [row for row in answers if row[0].primary]
    assert (primary[0].arm, primary[0].against) == ("state", "blind")
    assert primary[1].difference.low > 0 and primary[2] < LEVEL
    floor = study.floor.difference(3)
    assert floor is not None and primary[1].difference.value > floor > 0
    # By each run of it, and over the untaught student.
    for seed, marks in study.taught["state"].items():
        assert share(marks) > max(share(study.taught["blind"][seed]), share(study.base))


def test_the_null_study_finds_nothing() -> None:
    answers = list(shipped("null-study").corrected(compiled("null-study").entries[0].index.contrasts))  # fmt: skip
    assert len(answers) == 6
    for question, weighed, p in answers:
        assert p >= LEVEL, question
        assert weighed.difference.low < 0 < weighed.difference.high, question


def test_the_page_says_what_the_answers_of_the_study_say() -> None:
    study = shipped("study")
    assert f"right in three runs, from {100 * share(study.base):.1f} %" in PAGE
    arms = {arm: ", ".join(f"{100 * share(marks):.1f}" for marks in runs.values()) for arm, runs in study.taught.items()}  # fmt: skip
    assert f"| `state` | {arms['state']} % | | |" in PAGE
    for question, weighed, p in study.corrected(compiled("study").entries[0].index.contrasts):
        mark = " (primary)" if question.primary else ""
        rounded = f"{p:.2g}" if p < 1 else "1.0"
        row = f"| `{question.against}`{mark} | {arms[question.against]} % | {said(weighed.difference)} | {rounded} |"
        assert row in PAGE
    trained = study.floor.retrain
    assert trained is not None
    low, high = (f"{100 * end:.0f}" for end in (min(trained.moved), max(trained.moved)))
    assert f"standard deviation {100 * trained.sd:.1f} points ({points(trained.low)} to {points(trained.high)}), {low} to {high} % of answers moved" in PAGE  # fmt: skip


def test_the_page_says_what_the_answers_of_the_null_study_say() -> None:
    null = shipped("null-study")
    answers = list(null.corrected(compiled("null-study").entries[0].index.contrasts))
    right = [100 * share(marks) for runs in null.taught.values() for marks in runs.values()]
    differences = [weighed.difference.value for _, weighed, _ in answers]
    raw = [weighed.p for _, weighed, _ in answers]
    (primary,) = [p for question, _, p in answers if question.primary]
    assert {p for question, _, p in answers if not question.primary} == {1.0}
    low, high = (f"{p:.2f}" for p in (min(raw), max(raw)))
    assert (
        f"of four arms with {min(right):.1f} to {max(right):.1f} % in their runs: {points(min(differences))} to "
        f"{points(max(differences))} points, p from {low} to {high}, after Holm 1.0, the primary one {primary:.2f}"
    ) in PAGE
    trained = null.floor.retrain
    assert trained is not None
    assert f"{100 * trained.sd:.1f} points ({points(trained.low)} to {points(trained.high)}), {100 * max(trained.moved):.0f} % moved" in PAGE  # fmt: skip


def test_floors_and_the_sentence_of_the_readme_are_those_of_the_answers() -> None:
    floors = [shipped(name).floor for name in STUDIES]
    for floor in floors:
        assert floor.reevaluate is not None and set(floor.reevaluate.moved) == {0.0}
    widths = [floor.difference(3) for floor in floors]
    study, null = (f"{100 * (width or 0):.1f}" for width in widths)
    assert f"noise floor of a mean over three runs | {study} points | {null} points" in PAGE
    primary = shipped("study").weighed("state", "blind").difference
    found = re.search(r"finds (\S+) points\]\(docs/evidence.md[^)]*\) in three runs \(95% interval (\S+) to (\S+), noise floor (\S+)\)", README)  # fmt: skip
    assert found is not None
    ends = (f"{100 * end:.1f}" for end in (primary.low, primary.high))
    assert found.groups() == (points(primary.value), *ends, study)
    assert "whose arms are the same in secret, finds nothing" in README


def test_what_the_quickstart_finds_is_what_its_answers_say() -> None:
    found = shipped("quickstart")
    weighed = found.weighed("with-state", "no-state")
    ((_, pair),) = weighed.runs
    seeing, blind = (
        f"{100 * share(found.taught[arm]['0']):.1f}%" for arm in ("with-state", "no-state")
    )
    base = f"{100 * share(found.base):.1f}%"
    page = " ".join((ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8").split())
    assert (
        f"the base student has {base} right, the student of `no-state` {blind}, that of `with-state` {seeing}."
        f" The difference is {points(pair.difference.value)} points (95% interval "
        f"{points(pair.difference.low)} to {points(pair.difference.high)}; {pair.gained} items that only "
        f"`with-state` has right, {pair.lost} that only `no-state` has; McNemar p < 0.001)"
    ) in page
    assert weighed.p < 0.001
    assert (
        f"the untaught student has {base} right, the watched one {seeing}, the other one [{blind}]"
    ) in README
