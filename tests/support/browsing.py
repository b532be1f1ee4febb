"""A real browser, for what pages show: Chromium as the system has it, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 90_000
"""Milliseconds that a page has: on a busy machine its scripts take long."""


def browser_path() -> str:
    """The browser of this machine; without one the test is skipped, with the reason."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path is not None:
            return path
    pytest.skip("no Chromium here; on Debian: apt-get install chromium")


@contextmanager
def browsing(width: int = 1280, height: int = 800) -> Iterator[Page]:
    """One page of a headless browser, which ends with it."""
    path = browser_path()
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with driver.sync_playwright() as play:
        # Without a sandbox of its own, which root may not have; it shows our own pages only.
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": width, "height": height})
            page.set_default_timeout(PATIENCE)
            yield page
        finally:
            browser.close()
