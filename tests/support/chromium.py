"""Pages as a browser shows them, and what axe, the checker of accessibility, objects to in them.

Chromium runs without a window, once for each page, and what it has made of the page is read. Where it or axe is not installed,
what asks them is skipped; but not where `DATAENVGYM_TEST_EDITOR=1` says that they must be there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

AXE = Path(sys.prefix) / "editor" / "node_modules" / "axe-core" / "axe.min.js"
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
SECONDS = 100


def browser() -> str:
    """Chromium."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        _missing("Chromium")
    return found or ""


def _missing(what: str) -> None:
    message = f"{what} is not installed"
    if os.environ.get("DATAENVGYM_TEST_EDITOR") == "1":
        pytest.fail(message)
    pytest.skip(message)


def shown(page: Path, *, place: str = "", width: int = 1280, dark: bool = False) -> str:
    """The page as it stands once its scripts have run.

    Args:
        page: its file.
        place: what follows `#`.
        width: of the window.
        dark: whether the reader prefers dark colours.
    """
    profile = page.parent / "profile"
    command = [browser(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--window-size={width},1000", f"--user-data-dir={profile}"]
    command += ["--virtual-time-budget=60000", "--dump-dom"]
    if dark:
        command.append("--blink-settings=preferredColorScheme=0")
    address = page.as_uri() + (f"#{place}" if place else "")
    done = subprocess.run(
        [*command, address], capture_output=True, text=True, check=True, timeout=SECONDS
    )
    shutil.rmtree(profile, ignore_errors=True)
    return done.stdout


def objections(html: str, folder: Path, *, script: str = "", **options: Any) -> list[str]:
    """What axe objects to, a line each: the rule, what it says, and the first element.

    Args:
        html: the page. Its policy, which allows no other script, is taken off.
        folder: an empty one.
        script: what is done on the page before it is judged.
        options: see `shown`.
    """
    if not AXE.is_file():
        _missing("axe-core")
    folder.mkdir(parents=True, exist_ok=True)
    ask = f"""
      addEventListener("load", async () => {{
        {script}
        const found = await axe.run(document, {{resultTypes: ["violations"]}});
        const place = document.createElement("pre");
        place.id = "axe";
        place.textContent = JSON.stringify(found.violations.map((one) =>
          [one.id, one.help, one.nodes[0].target.join(" "), one.nodes.length]));
        document.body.append(place);
      }});
    """
    # A function: what axe is written in holds backslashes.
    page = POLICY.sub("", html).replace("</head>", f"<script>{AXE.read_text()}</script></head>")
    path = folder / "judged.html"
    path.write_text(page.replace("</body>", f"<script>{ask}</script></body>"), encoding="utf-8")
    told = re.search(r'<pre id="axe">(.*?)</pre>', shown(path, **options), re.DOTALL)
    assert told is not None, "axe did not run"
    return [
        f"{rule}: {help} ({count}, {first})"
        for rule, help, first, count in json.loads(unescape(told[1]))
    ]
