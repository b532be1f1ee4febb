"""What axe, the checker of accessibility, objects to in a page that a browser shows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browsing import missing

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(sys.prefix) / "editor" / "node_modules" / "axe-core" / "axe.min.js"
JUDGED = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map((one) => `${one.id}: ${one.help} (${one.nodes.length}, ${one.nodes[0].target.join(" ")})`);
}"""


def objections(page: Page) -> list[str]:
    """A line each: the rule, what it says, how many elements break it, and the first of them.

    Args:
        page: its policy must be off (`bypass_csp`), since it allows no other script.
    """
    if not AXE.is_file():
        missing("axe-core")
    page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(JUDGED)
    return found
