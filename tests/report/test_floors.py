"""Every place where a difference is shown has its noise floor beside it, or says that it was not measured.

The places are found, not listed where that can be: any signed number of a page or a terminal, and any `difference` of
a file for programs. So a place that is added later is held to the rule, too.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any, Final

import pytest
from click.testing import CliRunner

from dataenvgym_spec import load
from dataenvgym_spec.cli import compared
from dataenvgym_spec.cli.report import command as report
from dataenvgym_spec.cli.teaching import PARTS
from dataenvgym_spec.execute.entry import _say_results
from dataenvgym_spec.report import exports, formats
from dataenvgym_spec.report.metrics import headline, metrics
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.noise import UNKNOWN
from dataenvgym_spec.results.notebook import Notebook
from dataenvgym_spec.results.study import study
from dataenvgym_spec.track.project import project
from tests.support.compared import told
from tests.support.complete import Complete
from tests.support.copied import MOVED, Everything

SIGNED: Final = re.compile(r"(?<![\w.])[+-]\d+\.\d\b(?! to)")
"""A difference in points; the lower end of an interval is none."""
SIZE: Final = re.compile(r"\d+\.\d|not measured")


STORES: Final = {
    "measured": (MOVED, (0,)),
    "measured, two runs": (MOVED, (0, 1)),
    "trained again alone": ({"retrain": (1, 2)}, (0,)),
    "no copies": ({}, (0, 1)),
}


@pytest.fixture(scope="module", params=STORES)
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    moved, seeds = STORES[request.param]
    layout = Everything(tmp_path_factory.mktemp("floors") / "repo", moved, seeds=seeds).write()
    if not moved:
        index = json.loads(layout.index("tiny").read_text(encoding="utf-8"))
        index["noise"] = None
        layout.index("tiny").write_text(json.dumps(index), encoding="utf-8")
    return load("tiny", layout.root)


def lacking_in_page(text: str) -> Iterator[str]:
    """Blocks of a page that show a difference, and neither a floor nor that there is none."""
    body = text.partition("</style>")[2]
    for block in re.findall(r'<div class="answer">.*?</div>', body, re.S):
        if "Noise floor: " not in block:
            yield block
    for section in re.findall(r"<section>.*?</section>", body, re.S):
        for table in re.findall(r"<table.*?</table>", section, re.S):
            head = [unescape(name) for name in re.findall(r"<th[^>]*>([^<]*)</th>", table)]
            cells = [row for row in re.findall(r"<tr.*?</tr>", table, re.S) if SIGNED.search(row)]
            if not cells or "the student was" in head:  # what the floor itself is made of
                continue
            if "noise floor" in head:
                place = head.index("noise floor")
                yield from (row for row in cells if not SIZE.fullmatch(_cell(row, place)))
            elif "Noise floor: " not in section.partition(table)[2]:
                yield table


def _cell(row: str, place: int) -> str:
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
    return re.sub(r"<[^>]+>", "", cells[place]).strip()


@pytest.mark.usefixtures("undrawn")
def test_a_page_says_it_of_every_table_and_answer(results: Notebook) -> None:
    text = page(study(results))
    assert not list(lacking_in_page(text))
    for name in ("contrasts in every run", "gain by skill", "answers fixed and broken"):
        if name != "contrasts in every run" or len(results.index.seeds) > 1:
            assert f'aria-label="{name}"' in text
    assert 'aria-label="what teaching changed on other test sets"' in text


def test_a_place_that_lacks_it_would_be_found() -> None:
    head = "<table><thead><tr><th>arm</th><th>gain</th></tr></thead>"
    row = "<tr><td>a</td><td>+3.0</td></tr></table>"
    assert list(lacking_in_page(f"</style><section>{head}{row}</section>"))
    note = "<p>Noise floor: not measured.</p>"
    assert not list(lacking_in_page(f"</style><section>{head}{row}{note}</section>"))
    assert list(lacking_in_page('</style><div class="answer">+3.0 points</div>'))
    assert list(lacking_in_text("It gained +3.0 points."))


def lacking_in_text(text: str, difference: str = r"[+-]\d+\.\d\s+points") -> list[str]:
    """Paragraphs that show a difference without its floor."""
    shown = [part for part in re.split(r"\n\s*\n", text) if re.search(difference, part)]
    return [part for part in shown if not re.search(r"[Nn]oise\s+floor", part)]


def test_a_terminal_says_it_in_every_paragraph(
    results: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(results.layout.root)
    said = CliRunner().invoke(report, ["tiny"]).output
    assert said.count("Best less base") == 2 and not lacking_in_text(said)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Notebook:
    """All that a report can show, with rewards of skills, which the floor is not measured of."""
    root = tmp_path_factory.mktemp("taught")
    Complete(root)
    return load("tiny", root)


@pytest.mark.usefixtures("undrawn")
def test_rewards_of_skill_trees_are_no_exception_on_a_page(taught: Notebook) -> None:
    found = study(taught)
    text = page(found)
    trees = text.partition("<h2>Skill trees</h2>")[2].partition("</section>")[0]
    assert SIGNED.search(trees) and found.floor is not None
    assert not list(lacking_in_page(text))


def test_rewards_of_skill_trees_are_no_exception_elsewhere(
    taught: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(taught.layout.root)
    for part in PARTS:
        said = CliRunner().invoke(report, ["tiny", part], catch_exceptions=False).output
        assert part != "tree" or SIGNED.search(said)
        assert not lacking_in_text(said, SIGNED.pattern)
    rows = json.loads(CliRunner().invoke(report, ["tiny", "tree", "--json"]).output)
    for row in rows:
        assert row.get("noise_floor") == (None if row["reward"] is None else UNKNOWN)
    files = [file for run in project(taught).runs for file in run.artifacts]
    tables = [file.text or "" for file in files if file.path == "plan/tree.md"]
    said = ["Noise floor: " in text for text in tables]
    assert said == [re.search(r"[+-]0\.\d", text) is not None for text in tables]
    assert set(said) == {False, True}


def test_the_stage_that_reports_says_it_below_each(
    results: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    _say_results(study(results))
    lines = capsys.readouterr().out.splitlines()
    shown = [place for place, line in enumerate(lines) if " points (" in line and " less " in line]
    assert len(shown) == 1
    assert all(lines[place + 2].startswith("    Noise floor: ") for place in shown)


@pytest.mark.parametrize("times", [1, 1 + compared.MOST_DETAILED])
def test_compare_says_it_of_one_and_of_a_whole_sweep(results: Notebook, times: int) -> None:
    text = compared.markdown(told(results, times))
    assert text.lower().count("noise floor") == 1
    if times > 1:
        table = compared.contrast_table(told(results, times))
        place, p = table.head.index("#noise floor"), table.head.index("#p")
        assert all(SIZE.fullmatch(line.cells[place]) for line in table.lines)
        assert all(0 <= float(line.cells[p].lstrip("< ")) <= 1 for line in table.lines)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


TABLES: Final[dict[str, Callable[[Notebook], tuple[str, str]]]] = {
    "contrasts.csv": lambda it: (exports.csv_files(study(it))["contrasts.csv"], "noise_floor"),
    "compare --format csv": lambda it: (compared.csv(told(it, 1)), "floor"),
}


@pytest.mark.parametrize("place", TABLES)
def test_tables_for_programs_have_a_column_of_it(results: Notebook, place: str) -> None:
    text, column = TABLES[place](results)
    rows = [row for row in rows_of(text) if row["difference"]]
    assert rows
    for row in rows:
        assert row[column] == UNKNOWN or float(row[column]) >= 0


def test_the_table_of_a_paper_has_a_column_of_it(results: Notebook) -> None:
    table = exports.tables(study(results))["contrasts"]
    place = table.head.index("#noise floor")
    assert all(SIZE.fullmatch(line.cells[place]) for line in table.lines)
    assert "noise floor" in formats.latex(table, "tab:contrasts")


def differences(content: Any) -> Iterator[dict[str, Any]]:
    """All records of nested data that hold a difference."""
    if isinstance(content, dict):
        if content.get("difference") is not None:
            inner = content["difference"]
            # In the headline the figures of the difference stand inside of it.
            yield inner if isinstance(inner, dict) and "floor" in inner else content
        for value in content.values():
            yield from differences(value)
    elif isinstance(content, list):
        for value in content:
            yield from differences(value)


FILES: Final[dict[str, Callable[[Notebook], Any]]] = {
    "metrics.json": lambda it: json.loads(metrics(study(it))),
    "headline.json": lambda it: json.loads(headline(study(it))),
    # In JSON each run of a contrast is told inside of it, with the contrast's floor.
    "compare --json": lambda it: [
        {**row, "runs": []} for row in compared.record(told(it, 5))["contrasts"]
    ],
}


@pytest.mark.parametrize("place", FILES)
def test_files_for_programs_say_it_of_every_difference(results: Notebook, place: str) -> None:
    records = list(differences(FILES[place](results)))
    assert records
    for record in records:
        floor = record.get("noise_floor", record.get("floor"))
        assert floor == UNKNOWN or floor >= 0


def test_tracking_has_a_metric_of_it_or_a_tag(results: Notebook) -> None:
    shown = 0
    for run in project(results).runs:
        tags, keys = dict(run.tags), {metric.key for metric in run.metrics}
        for key in keys:
            if f"{key}_p" in keys:
                shown += 1
                said = UNKNOWN in (tags["noise floor"], tags.get(f"{key} noise floor"))
                assert (f"{key}_noise_floor" in keys) is not said
    assert shown == len(results.index.contrasts)


def test_one_rule_gives_all_of_them_the_same_floor(results: Notebook) -> None:
    found = study(results)
    (row,) = rows_of(exports.csv_files(found)["contrasts.csv"])
    (full,) = json.loads(metrics(found))["contrasts"].values()
    short = json.loads(headline(found))["difference"]
    (one,) = compared.record(told(results, 1))["contrasts"]
    if found.floor is None:
        assert (
            row["noise_floor"] == full["noise_floor"] == short["floor"] == one["floor"] == UNKNOWN
        )
        assert json.loads(metrics(found))["noise"] == UNKNOWN
        return
    assert float(row["noise_floor"]) == full["noise_floor"] == one["floor"]
    assert short["floor"] == pytest.approx(full["noise_floor"], abs=1e-4)
