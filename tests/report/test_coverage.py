"""Every place that prints the interval of a difference says what it covers, and with one run no more than its items.

The places are found by the intervals that stand there, so a place that is added later is held to the rule, too.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from dataenvgym_spec import load
from dataenvgym_spec.cli import compared
from dataenvgym_spec.cli.report import command as report
from dataenvgym_spec.execute.entry import _say_results
from dataenvgym_spec.report.exports import export
from dataenvgym_spec.report.metrics import headline, metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.notebook import Notebook
from dataenvgym_spec.results.study import study
from dataenvgym_spec.results.wording import ITEMS_ONLY, ONE_RUN, coverage
from dataenvgym_spec.track.contrasts import INTERVALS
from dataenvgym_spec.track.project import project
from tests.support.compared import told
from tests.support.copied import MOVED, Everything

NUMBER: Final = r"(?:[+-]\d+\.\d|0\.0)"
SPAN: Final = re.compile(rf"{NUMBER}\s+to\s+{NUMBER}(?![\d%])")
"""The interval of a difference in points; those of scores have a percent sign and no plus."""
WORDS: Final = {(0,): ITEMS_ONLY, (0, 1): "runs and items"}
"""What the interval of a contrast covers, by the seeds of the runs."""


@pytest.fixture(scope="module", params=WORDS, ids=("one run", "two runs"))
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    root = tmp_path_factory.mktemp("coverage") / "repo"
    return load("tiny", Everything(root, MOVED, seeds=request.param).write().root)


def words(results: Notebook) -> str:
    return WORDS[results.index.seeds]


def plain(text: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def lacking(blocks: Iterator[str], *phrases: str) -> list[str]:
    """Texts with an interval that say nothing of what it covers."""
    found = [" ".join(block.split()) for block in blocks if SPAN.search(block)]
    assert found
    return [block for block in found if not any(phrase in block for phrase in phrases)]


def blocks_of_page(text: str) -> Iterator[str]:
    """The answers of a page, and its tables with what stands below each."""
    body = text.partition("</style>")[2]
    yield from map(plain, re.findall(r'<div class="answer">.*?</div>', body, re.S))
    for section in re.findall(r"<section>.*?</section>", body, re.S):
        _, *tables = section.split("<table")
        yield from (plain(f"<table{table}") for table in tables)


@pytest.mark.usefixtures("undrawn")
def test_a_page_says_it_with_each_answer_and_below_each_table(results: Notebook) -> None:
    text = page(study(results))
    answers, tables = [], []
    for block in blocks_of_page(text):
        if SPAN.search(block):
            (answers if "less" in block and "points" in block else tables).append(block)
    assert not lacking(iter(answers), words(results))
    # Some tables are of each run by itself.
    assert not lacking(iter(tables), words(results), ITEMS_ONLY)
    assert len(tables) >= 3
    if words(results) == ITEMS_ONLY:
        assert not lacking(iter(tables), ITEMS_ONLY) and ONE_RUN in text


def paragraphs(text: str) -> Iterator[str]:
    """Those of a terminal that tell of results; how copies differ is a range and no interval."""
    for part in re.split(r"\n\s*\n", text):
        if not part.lstrip().startswith("The noise floor is measured by"):
            yield part


def test_a_terminal_says_it_in_every_paragraph(
    results: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(results.layout.root)
    said = CliRunner().invoke(report, ["tiny"]).output
    assert not lacking(paragraphs(said), words(results))
    assert coverage(results.index.seeds) in " ".join(said.split())


def test_the_stage_that_reports_says_it_in_every_line(
    results: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    _say_results(study(results))
    lines = capsys.readouterr().out.splitlines()
    assert not lacking(iter(lines), words(results))
    assert (f"  {ONE_RUN}" in lines) is (words(results) == ITEMS_ONLY)


@pytest.mark.parametrize("times", [1, 1 + compared.MOST_DETAILED])
def test_compare_says_it_of_one_and_of_a_whole_sweep(
    results: Notebook, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    compared.show(told(results, times))
    assert not lacking(paragraphs(capsys.readouterr().out), words(results))
    assert not lacking(iter([compared.markdown(told(results, times))]), words(results))


def test_a_paper_says_it_in_the_caption(results: Notebook, tmp_path: Path) -> None:
    export(study(results), tmp_path, ("latex", "csv"))
    caption = re.search(r"\\caption\{.*\}", (tmp_path / "contrasts.tex").read_text("utf-8"))
    assert caption is not None and f"Intervals: {words(results)}." in caption[0]
    main = (tmp_path / "main.tex").read_text("utf-8")
    assert (ITEMS_ONLY in main) is (words(results) == ITEMS_ONLY)
    with (tmp_path / "contrasts.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    one = len(results.index.seeds) == 1
    assert (row["covers"] == "items") is (row["run_deviation"] == "") is one


def differences(content: Any) -> Iterator[dict[str, Any]]:
    """All records of nested data that hold the interval of a difference."""
    if isinstance(content, dict):
        if {"difference", "ci_low"} <= content.keys() or {"value", "low"} <= content.keys():
            yield content
        for value in content.values():
            yield from differences(value)
    elif isinstance(content, list):
        for value in content:
            yield from differences(value)


FILES: Final[dict[str, Callable[[Notebook], Any]]] = {
    "metrics.json": lambda it: json.loads(metrics(study(it))),
    "headline.json": lambda it: json.loads(headline(study(it))),
    "compare --json": lambda it: compared.record(told(it, 1))["contrasts"][0]["difference"],
    "compare --format csv": lambda it: [
        {"value": row["difference"], "low": row["difference_low"], "covers": row["difference_covers"]}
        for row in csv.DictReader(compared.csv(told(it, 1)).splitlines())
        if row["difference"]
    ],
}  # fmt: skip


@pytest.mark.parametrize("place", FILES)
def test_files_for_programs_say_it_of_every_difference(results: Notebook, place: str) -> None:
    records = list(differences(FILES[place](results)))
    assert records
    for record in records:
        over = record.get("ci_covers", record.get("covers"))
        assert (over in ("items", ITEMS_ONLY)) is (words(results) == ITEMS_ONLY), record


def test_tracking_has_a_tag_and_a_sentence_of_it(results: Notebook) -> None:
    shown = 0
    for run in project(results).runs:
        tags, keys = dict(run.tags), {metric.key for metric in run.metrics}
        compares = {key for key in keys if f"{key}_p" in keys}
        for key in compares:
            shown += 1
            assert f"{key}_low" in keys
            assert tags.get(f"{key} interval", tags[INTERVALS]) == words(results)
        if compares:
            assert coverage(results.index.seeds) in run.note
    assert shown == len(results.index.contrasts)


def test_a_place_that_lacks_it_would_be_found() -> None:
    assert lacking(iter(["+2.0 points (-1.0 to +5.0)"]), ITEMS_ONLY)
    assert not lacking(iter([f"+2.0 points (-1.0 to +5.0; {ITEMS_ONLY})"]), ITEMS_ONLY)
    table = "</style><section><table><tr><td>-1.0 to +5.0</td></tr></table></section>"
    assert lacking(blocks_of_page(table), ITEMS_ONLY)
