"""Pages as a browser shows them: Chromium runs without a window, once for each page, and what it has made of the page is read."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.browsing import browser_path

SECONDS = 100


def shown(page: Path, *, place: str = "") -> str:
    """The page as it stands once its scripts have run.

    Args:
        page: its file.
        place: what follows `#`.
    """
    profile = page.parent / "profile"
    command = [browser_path(), "--headless", "--no-sandbox", "--disable-gpu"]
    command += [f"--user-data-dir={profile}", "--virtual-time-budget=60000", "--dump-dom"]
    address = page.as_uri() + (f"#{place}" if place else "")
    done = subprocess.run(
        [*command, address], capture_output=True, text=True, check=True, timeout=SECONDS
    )
    shutil.rmtree(profile, ignore_errors=True)
    return done.stdout
