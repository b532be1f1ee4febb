"""A real browser, for what pages show: Chromium as the system has it, driven by Playwright.

Where one of the two is not installed, what asks them is skipped; but not where `DATAENVGYM_TEST_EDITOR=1` says that they must be
there.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PATIENCE = 90_000
"""Milliseconds that a page has: on a busy machine its scripts take long."""
LAPTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2,
}  # fmt: skip
"""What is laid out for these is what a page asks for in its `viewport`: without it, 980 points. The width that a window without a
screen is given cannot be had below 500."""


def missing(what: str) -> None:
    """Skips the test, or fails it where nothing may be missing."""
    message = f"{what} is not installed"
    if os.environ.get("DATAENVGYM_TEST_EDITOR") == "1":
        pytest.fail(message)
    pytest.skip(message)


def browser_path() -> str:
    """The browser of this machine."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    missing("Chromium (on Debian: apt-get install chromium)")
    return ""


@contextmanager
def a_browser() -> Iterator[Browser]:
    """One without a window, which ends with what asks it."""
    path = browser_path()
    if importlib.util.find_spec("playwright") is None:
        missing("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        # Without a sandbox of its own, which root may not have; it shows our own pages only.
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def browsing(width: int = 1280, height: int = 800) -> Iterator[Page]:
    """One page of a browser of its own."""
    with a_browser() as browser:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        yield page
