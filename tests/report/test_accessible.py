"""What a reader finds on a laptop and on a phone, in light and dark: a page as wide as the screen, to which axe objects nothing.

Axe checks for readers with a screen reader, a keyboard or weak sight. It runs in a real browser, on pages with everything that a
report can hold, laid out for the screen of a laptop and of a phone. That they hold everything is a test as well: a section that is
added later must come into the store that these pages are of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jinja2 import Template

from dataenvgym_spec.report import page as report
from dataenvgym_spec.report.browse import browse
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.experiment import Results, load
from dataenvgym_spec.results.study import study
from tests.support.axe import objections
from tests.support.branches import Branches
from tests.support.browsing import LAPTOP, PATIENCE, PHONE, a_browser
from tests.support.committed import BASE, FIRST, RESULTS, commit, git
from tests.support.complete import Complete

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TEMPLATES = (
    "page.html.j2",
    *(f"{name}.html.j2" for name in ("skills", "teaching", "probes", "examples")),
)
SCREENS = {"laptop": LAPTOP, "phone": PHONE}
SIZES = """() => ({
  inner: window.innerWidth,
  whole: document.documentElement.scrollWidth,
  dark: matchMedia("(prefers-color-scheme: dark)").matches,
})"""
OPENED = """async () => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  await new Promise((done) => setTimeout(done, 50));
}"""
"""What a click opens is a part of the page as well, and some of it is made only then."""


NOTHING_THERE = {
    "not: for one in answers.each",
    "if study.unanswered",  # said in place of the contrasts, where all are unanswered
    "if mixed and not study.contrasts",
    "not: if different",
    "not: if mixed",
    "not: if many",
}
"""What a report says in place of something, in words alone: each is the contrary of a branch that the pages here have."""
HEADING = re.compile(r"<(h1|h2|h3|summary|figcaption)>(.*?)</\1>")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = tmp_path_factory.mktemp("shown")
    Complete(root)
    git(root, "init", "-q")
    commit(root, BASE, at=RESULTS + 1)
    commit(root, FIRST, at=RESULTS + 2)
    return load("tiny", root)


@pytest.fixture(scope="module")
def pages(results: Results) -> dict[str, str]:
    return {"report": page(study(results)), "examples": dict(browse(results))["index.html"]}


@pytest.mark.usefixtures("undrawn")
def test_the_pages_have_everything_that_a_report_can_hold(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = Branches(report._read)
    monkeypatch.setattr(report, "_read", templates.reading)
    text = page(study(results))
    assert {words for _, words in templates.missed(text)} == NOTHING_THERE
    assert {name for name, _ in templates.found} == {*TEMPLATES, "macros.html.j2"}
    assert "\u202e" not in text


def test_each_heading_of_the_templates_stands_on_the_page(pages: dict[str, str]) -> None:
    headings = 0
    for name in TEMPLATES:
        for tag, heading in HEADING.findall(report._read(name)):
            parts = re.split(r"{{.*?}}|{%.*?%}", heading)
            fixed = max((part.strip() for part in parts), key=len)
            headings += bool(fixed)
            assert fixed in pages["report"], f"{name} has a <{tag}> that the store lacks: {heading}"
    assert headings > 30


def test_a_section_that_the_store_lacks_would_be_found() -> None:
    lines = ["{% if a %}A{% else %}B{% endif %}", "{% for one in many %}{{ one }}{% endfor %}"]
    templates = Branches(lambda _: "".join(lines))
    page = Template(templates.reading("x.j2")).render(a=True, many=[])
    assert templates.missed(page) == {("x.j2", "not: if a"), ("x.j2", "for one in many")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser() as browser:
        yield browser


@contextmanager
def opened(
    browser: Browser, html: str, folder: Path, screen: str, dark: bool = False
) -> Iterator[Page]:
    """A page on a screen. Its policy, which allows axe no script, is off."""
    path = folder / "opened.html"
    path.write_text(html, encoding="utf-8")
    scheme = "dark" if dark else "light"
    shown = browser.new_page(**SCREENS[screen], color_scheme=scheme, bypass_csp=True)
    shown.set_default_timeout(PATIENCE)
    shown.goto(path.as_uri())
    yield shown
    shown.close()


SHOWN = [*product(("report", "examples"), SCREENS, (False, True))]
AT_ONCE = [("report", "laptop", False), ("report", "phone", True), ("examples", "phone", True)]
"""What is asked for in each run of the tests; the others take as long again."""


@pytest.mark.parametrize(
    ("name", "screen", "dark"),
    [one if one in AT_ONCE else pytest.param(*one, marks=pytest.mark.slow) for one in SHOWN],
)
def test_a_page_is_as_wide_as_the_screen_and_nothing_is_objected_to(
    browser: Browser, pages: dict[str, str], name: str, screen: str, dark: bool, tmp_path: Path
) -> None:
    with opened(browser, pages[name], tmp_path, screen, dark) as shown:
        shown.evaluate(OPENED)
        width = SCREENS[screen]["viewport"]["width"]
        # On a phone what does not fit makes the whole page smaller: then both numbers grow.
        assert shown.evaluate(SIZES) == {"inner": width, "whole": width, "dark": dark}
        assert objections(shown) == []


def test_a_page_that_is_hard_to_read_is_noticed(
    browser: Browser, pages: dict[str, str], tmp_path: Path
) -> None:
    faint = (
        pages["examples"].replace("--soft: #5a626c", "--soft: #cccccc").replace(' lang="en"', "")
    )
    with opened(browser, faint, tmp_path, "laptop") as shown:
        rules = {line.partition(":")[0] for line in objections(shown)}
    assert rules == {"color-contrast", "html-has-lang"}


def test_a_page_that_is_too_wide_for_a_phone_is_noticed(
    browser: Browser, pages: dict[str, str], tmp_path: Path
) -> None:
    wide = pages["report"].replace("</body>", '<div style="width: 600px">wide</div></body>')
    with opened(browser, wide, tmp_path, "phone") as shown:
        sizes = shown.evaluate(SIZES)
    assert sizes["whole"] >= 600
