"""Tables, curves and figures as files: complete, equal each time, and harmless whatever names they hold."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dataenvgym_spec.report.exports import csv_files, export, tables
from dataenvgym_spec.report.formats import latex
from dataenvgym_spec.results.evidence.statistics import Covers
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import Study, study
from dataenvgym_spec.results.wording import ITEMS_ONLY, scored
from tests.support.reported import ARMS, ITERATIONS, Store
from tests.support.repositories import call, expect_refusal


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("exported")
    Store(root, seeds=(0, 1)).write()
    return root


@pytest.fixture(scope="module")
def content(root: Path) -> Study:
    return study(load("tiny", root))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_tables_hold_the_figures_of_the_report(content: Study) -> None:
    told = rows(csv_files(content)["main.csv"])
    assert [(row["arm"], row["student"]) for row in told] == [(arm, student) for arm in ARMS for student in ("base", "best", "last")]  # fmt: skip
    assert [row["covers"] for row in told] == [one.accuracy.covers for one in content.summaries]
    assert not any(row["seed"] for row in told), "no row is of one run"
    runs = rows(csv_files(content)["runs.csv"])
    assert {row["seed"] for row in runs} == {"0", "1"} and {row["covers"] for row in runs} == {
        "items"
    }
    for row, outcome in zip(told, content.summaries, strict=True):
        assert float(row["right"]) == outcome.accuracy.value and int(row["items"]) == outcome.items
    (contrast,) = rows(csv_files(content)["contrasts.csv"])
    assert float(contrast["difference"]) == content.contrasts[0].difference.value
    weighed = content.contrasts[0].weighed
    assert (float(contrast["p"]), contrast["runs"]) == (weighed.p, str(len(weighed.runs)))
    assert (contrast["run_deviation"] == "") is (weighed.crossed is None), "unknown is not 0"
    found = tables(content)
    assert len(found["main"].lines) == 6 and len(found["contrasts"].lines) == 1
    (first, _) = found["curves"].lines
    assert len(first.cells) == 1 + ITERATIONS + 1 and first.cells[0] == ARMS[0]


def test_the_caption_says_of_each_row_what_its_interval_is_over(content: Study) -> None:
    varied = []
    for one in content.summaries:
        covers: Covers = "items" if one.student == "base" else "seeds"
        varied.append(replace(one, accuracy=replace(one.accuracy, covers=covers)))
    assert tables(replace(content, summaries=tuple(varied)))["main"].title.endswith(
        " with 95% intervals: over 2 runs; over items for base."
    )
    best = [one for one in varied if one.student == "best"]
    assert scored(best, 2) == "over 2 runs"
    alike = replace(best[0], accuracy=replace(best[0].accuracy, covers="clusters"))
    assert scored([alike, *best[1:], *best], 2) == (
        "over 2 runs; over clusters for best of with-state"
    )
    assert scored(content.outcomes, 1) == ITEMS_ONLY


def test_one_run_has_its_seed(tmp_path: Path) -> None:
    one = study(load("tiny", Store(tmp_path / "repo", seeds=(4,)).write().root))
    told = rows(csv_files(one)["main.csv"])
    assert {(row["seed"], row["covers"]) for row in told} == {("4", "items")}


def test_a_name_that_is_a_formula_or_a_command_is_neither(content: Study) -> None:
    hostile = r'=HYPERLINK("http://evil.example") \input{/etc/passwd} & 50%'
    renamed = replace(
        content,
        name=hostile,
        summaries=tuple(replace(one, arm=hostile) for one in content.summaries),
    )
    assert all(row["arm"] == f"'{hostile}" for row in rows(csv_files(renamed)["main.csv"]))
    text = latex(tables(renamed)["main"])
    assert r"\textbackslash{}input\{/etc/passwd\} \& 50\%" in text and r"\input{" not in text


def test_files_are_written_and_equal_each_time(content: Study, tmp_path: Path) -> None:
    (tmp_path / "mine.tex").write_text("stays")
    chosen = ("latex", "csv", "svg")
    some = replace(content, skills=content.skills[1:], allocation=content.allocation[:1], yields=content.yields[:2])  # fmt: skip
    written = export(some, tmp_path, chosen)
    texts = {path.name: path.read_bytes() for path in written}
    assert len(texts) == len(written) == len(list(tmp_path.iterdir())) - 1
    assert {"main.tex", "curves.csv", "outcomes.svg", "curves-examples.svg", "skills-no-state.svg"} <= set(texts)  # fmt: skip
    again = export(some, tmp_path, chosen)
    assert {path.name: path.read_bytes() for path in again} == texts
    assert (tmp_path / "mine.tex").read_text() == "stays"
    for name, text in texts.items():
        if name.endswith(".svg"):
            ElementTree.fromstring(text)
            # Colours are colours, and what is drawn needs no font and no page around it.
            assert re.search(b"#0064a4|#00805c", text)
            assert b"var(--" not in text and b"#0101a" not in text
            assert not re.search(rb"<(image|script|a|text)\b", text)


def test_the_command_writes_what_is_asked_for_and_says_so(root: Path) -> None:
    told = call("dataenvgym", "report", "tiny", "--export", "paper", "--format", "latex", "--format", "csv", "--json", cwd=root).stdout  # fmt: skip
    assert sorted(json.loads(told)) == sorted(f"paper/{path.name}" for path in (root / "paper").iterdir())  # fmt: skip
    assert {path.suffix for path in (root / "paper").iterdir()} == {".tex", ".csv"}


def test_a_picture_is_one(content: Study, tmp_path: Path) -> None:
    small = replace(content, skills=(), allocation=(), yields=(), taught_skills=(), flips=())
    (_, *others) = export(small, tmp_path, ("png",))
    names = ("iteration", "examples", "tokens")
    assert [path.name for path in others] == [f"curves-{name}.png" for name in names]
    assert (tmp_path / "outcomes.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "options", [("--format", "csv"), ("yield", "--export", "paper")], ids=["format", "part"]
)
def test_options_that_do_not_go_together(root: Path, options: tuple[str, ...]) -> None:
    expect_refusal(call("dataenvgym", "report", "tiny", *options, cwd=root, ok=False), "export")
