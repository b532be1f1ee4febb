"""What a reader finds on a laptop and on a phone, in light and dark: a page as wide as the screen, to which axe objects nothing.

Axe checks for readers with a screen reader, a keyboard or weak sight. It runs in a real browser, on pages with everything that a
report can hold, laid out for the screen of a laptop and of a phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dataenvgym_spec.report.browse import browse
from dataenvgym_spec.report.page import page
from dataenvgym_spec.results.experiment import load
from dataenvgym_spec.results.study import study
from tests.support.axe import objections
from tests.support.browsing import LAPTOP, PATIENCE, PHONE, a_browser
from tests.support.taught import Taught

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

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


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root = tmp_path_factory.mktemp("shown")
    Taught(root, seeds=(0, 1))
    results = load("tiny", root)
    return {"report": page(study(results)), "examples": dict(browse(results))["index.html"]}


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
