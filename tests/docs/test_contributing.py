"""What CONTRIBUTING.md tells people to run is there, and its model of a good issue can be followed."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.pages import blocks
from tests.support.repositories import ROOT, call

PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RAN = [
    line.split()[1]
    for path in PAGES
    for language, text in blocks(path)
    if language == "console"
    for line in text.splitlines()
    if line.startswith("make ")
]
NAMED = re.compile(r"`make ([\w-]+)[^`]*`")
TARGETS = sorted(
    {*RAN, *(one for path in PAGES for one in NAMED.findall(path.read_text(encoding="utf-8")))}
)
ISSUE = re.findall(
    r"^> (?!`)(.*)$",
    "".join(
        re.findall(
            r"^> ```console\n(.*?)^> ```$",
            (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
            re.M | re.S,
        )
    ),
    re.M,
)


def test_all_that_it_shows_is_made() -> None:
    lines = [
        line
        for language, text in blocks(ROOT / "CONTRIBUTING.md")
        if language == "console"
        for line in text.splitlines()
    ]
    assert lines == [f"make {line.split()[1]}" for line in lines]
    assert {"setup", "test", "test-all", "docs", "quickstart", "study"} <= {*TARGETS}


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_that_is_named_is_one(target: str) -> None:
    """Running them takes minutes; that make knows them is enough here."""
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert phony is not None and target in phony[1].split()
    subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.slow
def test_the_good_issue_can_be_followed_from_nothing(tmp_path: Path) -> None:
    """And is none: what it expects is so."""
    said = call("sh", "-ec", "\n".join(ISSUE), cwd=tmp_path, timeout=900).stdout
    planned = said.rpartition("second: ")[2]
    counts, runs, *_ = planned.splitlines()
    # The report has the name of its experiment; all else is there.
    assert counts == "1 run, 23 reuse" and runs.split()[:2] == ["run", "report"]
