"""What axe, which checks for readers with a screen reader, a keyboard or weak sight, objects to in the report: nothing.

It runs in a real browser on pages with everything that a report can hold, at the width of a laptop and of a phone, light and dark.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from dataenvgym_spec.report.browse import browse
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import study
from tests.support.chromium import objections
from tests.support.taught import Taught

OPENED = "document.querySelectorAll('details').forEach((one) => { one.open = true; });"
OPENED_CHAIN = f"{OPENED} await new Promise((done) => setTimeout(done, 50));"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("shown")
    Taught(root, seeds=(0, 1))
    results = load("tiny", root)
    return {"report": page(study(results)), "examples": dict(browse(results))["index.html"]}


SHOWN = [*product(("report", "examples"), (1280, 390), (False, True))]
AT_ONCE = [("report", 1280, False), ("report", 390, True), ("examples", 390, True)]
"""What is asked for in each run of the tests; the others take as long again."""


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [one if one in AT_ONCE else pytest.param(*one, marks=pytest.mark.slow) for one in SHOWN],
)
def test_nothing_is_objected_to(
    pages: dict[str, str], name: str, width: int, dark: bool, tmp_path: Path
) -> None:
    found = objections(pages[name], tmp_path, script=OPENED_CHAIN, width=width, dark=dark)
    assert found == []


def test_a_page_that_is_hard_to_read_is_noticed(pages: dict[str, str], tmp_path: Path) -> None:
    faint = (
        pages["examples"].replace("--soft: #5a626c", "--soft: #cccccc").replace(' lang="en"', "")
    )
    rules = {line.partition(":")[0] for line in objections(faint, tmp_path)}
    assert rules == {"color-contrast", "html-has-lang"}
